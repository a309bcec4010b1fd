"""docker/start-docker.sh: AMD cards, and the targets that the image has kernels for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit import system_surface
from tests.unit.system_surface import Started, Surface

NODE = "cpu_cores_count {}\nsimd_count {}\ngfx_target_version {}\n"
OVERRIDE, VISIBLE = "HSA_OVERRIDE_GFX_VERSION", "HIP_VISIBLE_DEVICES"


@pytest.fixture
def surface() -> Iterator[Surface]:
    with system_surface.fresh() as made:
        made.backend("rocm", "hip")
        made.file("/dev/kfd")
        made.file("/dev/dri/renderD128")
        yield made


def cards(surface: Surface, *versions: int) -> None:
    """The kernel's list: a processor, and cards with these target versions."""
    rows = [NODE.format(16, 0, 0), *(NODE.format(0, 64, version) for version in versions)]
    for index, text in enumerate(rows):
        surface.file(f"/sys/class/kfd/kfd/topology/nodes/{index}/properties", text, 0o444)


def compiled(surface: Surface, *targets: str) -> None:
    """What the image's kernels were compiled for."""
    surface.file("/opt/mentator/backends/rocm/targets.txt", "\n".join(targets))


def exported(started: Started) -> dict[str, str]:
    env = started.reached().env
    return {name: env[name] for name in (OVERRIDE, VISIBLE) if name in env}


@pytest.mark.parametrize(
    ("version", "target", "override"),
    [
        (110001, "gfx1100", "11.0.0"),
        (110002, "gfx1100", "11.0.0"),
        (110003, "gfx1100", "11.0.0"),
        (110500, "gfx1151", "11.5.1"),
        (110501, "gfx1100", "11.0.0"),
        (100301, "gfx1030", "10.3.0"),
        (100302, "gfx1030", "10.3.0"),
        (100304, "gfx1030", "10.3.0"),
        (100305, "gfx1030", "10.3.0"),
        (100306, "gfx1030", "10.3.0"),
        (100102, "gfx1010", "10.1.0"),
        (90012, "gfx900", "9.0.0"),
        (90002, "gfx900", "9.0.0"),
        (120000, "gfx1201", "12.0.1"),
    ],
)
def test_a_card_of_a_family_gets_its_override(
    surface: Surface, version: int, target: str, override: str
) -> None:
    cards(surface, version)
    compiled(surface, "gfx942", target)
    started = surface.start()
    assert exported(started) == {OVERRIDE: override}
    assert f"{OVERRIDE}={override}: the image has no kernels for gfx" in started.row("rocm")
    assert (
        f"as {target} ({OVERRIDE}={override})" in started.reached().env["MENTATOR_BACKEND_REASON"]
    )
    probe = (surface.record / "probe-env").read_text(encoding="utf-8").split("\0")
    assert f"{OVERRIDE}={override}" in probe


@pytest.mark.parametrize(
    ("version", "target"), [(110000, "gfx1100"), (90010, "gfx90a:xnack-"), (110003, "gfx1103")]
)
def test_a_card_with_kernels_needs_none(surface: Surface, version: int, target: str) -> None:
    cards(surface, version)
    compiled(surface, "gfx1100", target)
    started = surface.start()
    assert exported(started) == {}
    assert surface.probed() == ["rocm"]


def test_the_users_override_wins(surface: Surface) -> None:
    cards(surface, 110003)
    compiled(surface, "gfx1100")
    started = surface.start(env={OVERRIDE: "11.0.2"})
    assert exported(started) == {OVERRIDE: "11.0.2"}
    assert "is set by the user, and kept" in started.row("rocm")


@pytest.mark.parametrize("version", [90402, 90006, 80003, 110003])
def test_a_card_without_kernels_is_not_even_probed(surface: Surface, version: int) -> None:
    cards(surface, version)
    compiled(surface, "gfx90a", "gfx1030")
    started = surface.start()
    assert started.reached().env["MENTATOR_BACKEND_CHOICE"] == "cpu"
    assert exported(started) == {}
    assert surface.probed() == []
    assert "but the image has no kernels for gfx" in started.row("rocm")
    assert "(only for gfx90a gfx1030)" in started.row("rocm")
    forced = surface.start(env={"MENTATOR_BACKEND": "rocm"})
    assert (forced.code, forced.service) == (69, None)
    assert "--rocm-targets gfx" in forced.err


@pytest.mark.parametrize("targets", [None, ()])
def test_an_image_that_does_not_say_leaves_it_to_the_probe(
    surface: Surface, targets: tuple[str, ...] | None
) -> None:
    cards(surface, 90402)
    if targets is not None:
        compiled(surface, *targets)
    assert exported(surface.start()) == {}
    assert surface.probed() == ["rocm"]


def test_an_unknown_card_leaves_it_to_the_probe(surface: Surface) -> None:
    cards(surface, 0)
    compiled(surface, "gfx1100")
    assert exported(surface.start()) == {}
    assert surface.probed() == ["rocm"]


def test_graphics_of_the_processor_are_left_out_beside_a_card_with_kernels(
    surface: Surface,
) -> None:
    cards(surface, 100306, 110000, 110000)
    compiled(surface, "gfx1100", "gfx1030")
    started = surface.start()
    assert exported(started) == {VISIBLE: "1,2"}
    assert "HIP_VISIBLE_DEVICES=1,2: the image has no kernels for gfx1036" in started.row("rocm")


@pytest.mark.parametrize("mine", [VISIBLE, "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"])
def test_the_users_selection_of_cards_wins(surface: Surface, mine: str) -> None:
    cards(surface, 100306, 110000)
    compiled(surface, "gfx1100")
    env = surface.start(env={mine: "1"}).reached().env
    assert env[mine] == "1"
    assert env.get(VISIBLE, "1") == "1"


def test_an_override_leaves_out_what_it_does_not_fit(surface: Surface) -> None:
    cards(surface, 90402, 110002, 110001)
    compiled(surface, "gfx1100")
    assert exported(surface.start()) == {OVERRIDE: "11.0.0", VISIBLE: "1,2"}


def test_what_was_set_for_a_dropped_backend_is_taken_back(surface: Surface) -> None:
    cards(surface, 90402, 110002)
    compiled(surface, "gfx1100")
    surface.probe("rocm", "exit 139")
    started = surface.start()
    assert started.reached().env["MENTATOR_BACKEND_CHOICE"] == "cpu"
    assert exported(started) == {}


def test_another_override_is_probed_anew(surface: Surface) -> None:
    cards(surface, 110003)
    surface.start()
    surface.start()
    assert surface.probed() == ["rocm"]
    surface.start(env={OVERRIDE: "11.0.0"})
    assert surface.probed() == ["rocm"]
