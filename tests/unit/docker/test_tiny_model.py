"""docker/tiny-model.mjs: the model that a backend has to run before it is chosen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import gguf
import pytest

from scripts.shared.node_tools import node_argv
from scripts.shared.paths import REPOSITORY

SCRIPT = REPOSITORY / "docker/tiny-model.mjs"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("tiny") / "model.gguf")


def written(path: Path) -> Path:
    subprocess.run([*node_argv(), str(SCRIPT), str(path)], check=True, timeout=30)
    return path


def test_it_is_small(model: Path) -> None:
    assert model.stat().st_size < 300_000


def test_it_is_the_same_everywhere(model: Path, tmp_path: Path) -> None:
    assert written(tmp_path / "again.gguf").read_bytes() == model.read_bytes()


def test_it_is_a_llama_of_two_layers(model: Path) -> None:
    reader = gguf.GGUFReader(model)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    assert fields["general.architecture"] == "llama"
    assert fields["llama.block_count"] == 2
    assert len(fields["tokenizer.ggml.tokens"]) == fields["llama.vocab_size"]
    assert len(reader.tensors) == 2 * 9 + 3


def test_it_asks_for_kernels_of_several_kinds(model: Path) -> None:
    kinds = {tensor.tensor_type for tensor in gguf.GGUFReader(model).tensors}
    kind = gguf.GGMLQuantizationType
    assert kinds == {kind.F32, kind.F16, kind.Q4_0}


def test_without_a_name_it_says_how_it_is_called() -> None:
    ended = subprocess.run(
        [*node_argv(), str(SCRIPT)], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 64
    assert "usage:" in ended.stderr
