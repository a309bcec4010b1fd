from __future__ import annotations

import pytest
from msgspec.structs import replace

from scripts.backends import table as backends
from scripts.backends.compiled import Backends, argument, choose, origin_of
from scripts.backends.rows import Candidate, Prebuilt
from scripts.backends.table import Table
from scripts.shared.errors import UsageError

UNIVERSAL = ("cuda", "rocm", "cpu")

CUDA13 = Prebuilt("a package", machine_code=("86", "89", "120", "121"), ptx=("75", "80", "90"))


def test_the_cpu_variant_needs_nothing() -> None:
    assert choose(("cpu",), "source", ("90",), ("gfx1100",)) == Backends()


def test_by_default_cuda_is_prebuilt_and_rocm_compiled_for_all() -> None:
    made = choose(UNIVERSAL, "auto", (), ("all",))
    assert made.arguments == {"CUDA": "prebuilt", "ROCM_TARGETS": "all"}
    assert made.sdks == ("rocm-sdk",)
    assert made.notes == (
        "NVIDIA CUDA, cuda13: prebuilt, no architecture was asked for",
        "AMD ROCm: compiled for all",
    )


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
    chosen, why = origin_of(CUDA13, asked, archs)
    assert chosen == mode
    assert why


def test_what_the_prebuilt_lacks_is_named() -> None:
    assert "90-real" in origin_of(CUDA13, "auto", ("86-real", "90-real"))[1]
    assert "86" not in origin_of(CUDA13, "auto", ("86-real", "90-real"))[1]


def test_what_is_taken_prebuilt_although_it_lacks_code_is_told() -> None:
    assert "no code for 100-real" in origin_of(CUDA13, "prebuilt", ("86-real", "100-real"))[1]
    assert origin_of(CUDA13, "prebuilt", ("86-real",))[1] == "as asked"


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
def test_a_name_that_is_not_a_cuda_architecture_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="CUDA architecture"):
        choose(UNIVERSAL, "auto", (name,), ())


@pytest.mark.parametrize("name", ["1100", "gfx", "rdna3", "gfx1100;rm"])
def test_a_name_that_is_not_a_rocm_target_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="GPU target of AMD ROCm"):
        choose(UNIVERSAL, "auto", (), (name,))


def test_a_mode_that_needs_nothing_built_by_option_needs_no_code() -> None:
    table = backends.read()
    cuda = table.mode("cuda")
    fake = replace(cuda, name="fake", candidates=(replace(cuda.candidates[1], name="fake1"),))
    rows = Table("", (fake, table.fallback))
    assert choose(("fake", "cpu"), "source", ("90",), (), rows) == Backends()
    sdk = replace(fake, candidates=(Candidate("fake1", sdk="fake-sdk"),))
    assert choose(("fake",), "auto", (), (), Table("", (sdk, table.fallback))).sdks == ("fake-sdk",)


def test_a_flag_that_the_build_does_not_have_is_refused_with_row_and_key() -> None:
    table = backends.read()
    cuda, rocm = table.mode("cuda"), table.mode("rocm")
    assert rocm.targets is not None
    first, *others = cuda.candidates
    assert first.compile is not None
    other_targets = replace(rocm, targets=replace(rocm.targets, option="--image"))
    other_option = replace(first, compile=replace(first.compile, option="--sycl"))
    other_archs = replace(first, compile=replace(first.compile, architectures="--sycl-archs"))
    for mode, words in (
        (other_targets, "row rocm has --image as targets.option"),
        (
            replace(cuda, candidates=(other_option, *others)),
            "row cuda has --sycl as compile.option",
        ),
        (
            replace(cuda, candidates=(other_archs, *others)),
            "row cuda has --sycl-archs as compile.architectures",
        ),
    ):
        changed = replace(table, modes=(mode, table.fallback))
        with pytest.raises(UsageError) as caught:
            choose([mode.name], "auto", [], ["all"], changed)
        assert words in caught.value.what


def test_a_flag_is_the_build_argument_of_its_name() -> None:
    assert argument("--cuda-archs") == "CUDA_ARCHS"
