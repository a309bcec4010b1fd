from __future__ import annotations

import pytest

from scripts.backends.compiled import Backends, choose, cuda_mode
from scripts.shared.errors import UsageError

UNIVERSAL = ("cuda", "rocm", "cpu")


def test_the_cpu_variant_needs_nothing() -> None:
    assert choose(("cpu",), "source", ("90",), ("gfx1100",)) == Backends()


def test_by_default_cuda_is_prebuilt_and_rocm_compiled_for_all() -> None:
    made = choose(UNIVERSAL, "auto", (), ("all",))
    assert made.arguments == {"CUDA": "prebuilt", "ROCM_TARGETS": "all"}
    assert made.sdks == ("rocm-sdk",)
    assert len(made.notes) == 2


@pytest.mark.parametrize(
    ("asked", "archs", "mode"),
    [
        ("auto", (), "prebuilt"),
        ("auto", ("86-real", "89-real", "120-real", "121a-real"), "prebuilt"),
        ("auto", ("90-real",), "source"),
        ("auto", ("86-real", "75-real"), "source"),
        ("auto", ("90-virtual",), "prebuilt"),
        ("auto", ("86-virtual",), "source"),
        ("prebuilt", ("90-real",), "prebuilt"),
        ("source", (), "source"),
    ],
)
def test_auto_compiles_what_the_prebuilt_lacks(
    asked: str, archs: tuple[str, ...], mode: str
) -> None:
    chosen, why = cuda_mode(asked, archs)
    assert chosen == mode
    assert why


def test_what_the_prebuilt_lacks_is_named() -> None:
    assert "90-real" in cuda_mode("auto", ("86-real", "90-real"))[1]
    assert "86" not in cuda_mode("auto", ("86-real", "90-real"))[1]


def test_a_compiled_cuda_needs_its_sdk_and_architectures_in_cmakes_words() -> None:
    made = choose(("cuda", "cpu"), "auto", ("90", "120a", "75-virtual"), ())
    assert made.arguments == {"CUDA": "source", "CUDA_ARCHS": "90-real;120a-real;75-virtual"}
    assert made.sdks == ("cuda-sdk",)
    assert "CUDA_ARCHS" not in choose(("cuda",), "source", (), ()).arguments


def test_rocm_targets_are_sorted_and_named_once() -> None:
    made = choose(("rocm",), "auto", (), ("gfx90a", "gfx1100", "gfx90a"))
    assert made.arguments == {"ROCM_TARGETS": "gfx1100,gfx90a"}
    assert choose(("rocm",), "auto", (), ("gfx90a", "all")).arguments == {"ROCM_TARGETS": "all"}


@pytest.mark.parametrize("name", ["sm_90", "9.0", "90-ptx", "hopper", "9"])
def test_what_is_no_cuda_architecture_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="CUDA architecture"):
        choose(UNIVERSAL, "auto", (name,), ())


@pytest.mark.parametrize("name", ["1100", "gfx", "rdna3", "gfx1100;rm"])
def test_what_is_no_rocm_target_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="AMD GPU target"):
        choose(UNIVERSAL, "auto", (), (name,))
