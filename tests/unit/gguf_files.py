"""Small GGUF files for tests: a random llama of a few layers, made by the `gguf` package."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np


def write_model(
    path: Path,
    *,
    seed: int = 0,
    width: int = 64,
    vocabulary: int = 256,
    layers: int = 2,
    quantization: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32,
    **metadata: str,
) -> Path:
    """A model of `layers` times a few tensors; `metadata` is added as texts (general.KEY)."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"Test {seed}")
    writer.add_file_type(int(gguf.LlamaFileType.ALL_F32))
    writer.add_context_length(512)
    writer.add_block_count(layers)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"token {number}" for number in range(vocabulary)])
    writer.add_token_scores([0.0] * vocabulary)
    for key, value in metadata.items():
        writer.add_string(f"general.{key}", value)
    shapes = {"token_embd.weight": (vocabulary, width), "output_norm.weight": (width,)}
    for layer in range(layers):
        shapes[f"blk.{layer}.attn_q.weight"] = (width, width)
        shapes[f"blk.{layer}.ffn_up.weight"] = (2 * width, width)
    for name, shape in shapes.items():
        data = random.standard_normal(shape, dtype=np.float32)
        flat = len(shape) == 1 or quantization == gguf.GGMLQuantizationType.F32
        if flat:
            writer.add_tensor(name, data)
        else:
            writer.add_tensor(
                name, gguf.quants.quantize(data, quantization), raw_dtype=quantization
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path.chmod(0o644)
    return path
