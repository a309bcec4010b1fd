"""GGUF files in the exact shape of models that people run, with random weights.

Speed does not depend on the values, so nothing has to be downloaded. The shapes are the published
ones of Qwen2.5 (config.json of each model); the vocabulary is that of a real model, padded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

from scripts.shared.paths import BUILD

#: Files that were made, kept between runs.
FILES = BUILD / "bench"

#: Bytes of random numbers that are repeated in all tensors: to make 4 GB of them takes minutes.
_RANDOM = 64 * 2**20


@dataclass(frozen=True)
class Shape:
    """A model: layers, width, heads, heads for keys and values, feed-forward width, vocabulary."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    #: Whether the embedding is the output, too.
    tied: bool
    quantization: Type


SHAPES = {
    "qwen2.5-0.5b-q8_0": Shape(24, 896, 14, 2, 4864, 151_936, True, Type.Q8_0),
    "qwen2.5-1.5b-q4_0": Shape(28, 1536, 12, 2, 8960, 151_936, True, Type.Q4_0),
    "qwen2.5-7b-q4_0": Shape(28, 3584, 28, 4, 18_944, 152_064, False, Type.Q4_0),
}


def provide(name: str, tokenizer: Path, folder: Path = FILES, shape: Shape | None = None) -> Path:
    """The file of the shape `name`, made when it is not there; `tokenizer` is a real model."""
    shape = shape or SHAPES[name]
    made = folder / f"{name}.gguf"
    if not made.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = made.with_suffix(".part")
        _write(part, shape, tokenizer)
        part.rename(made)
    return made


def _write(path: Path, shape: Shape, tokenizer: Path) -> None:
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name(path.stem)
    writer.add_block_count(shape.layers)
    writer.add_context_length(32_768)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    _add_tokenizer(writer, tokenizer, shape.vocabulary)
    tensors = list(_tensors(shape))
    for name, size, kind in tensors:
        stored = gguf.quant_shape_to_byte_shape(size, kind)
        count = int(np.prod(stored))
        # The writer takes the shape of bytes for quantized tensors, of numbers for others.
        plain = kind == Type.F32
        dtype = np.dtype(np.float32 if plain else np.uint8)
        writer.add_tensor_info(
            name, size if plain else stored, dtype, count, raw_dtype=None if plain else kind
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    blocks: dict[Type, np.ndarray] = {}
    for name, size, kind in tensors:
        writer.write_tensor_data(_values(name, size, kind, blocks))
    writer.close()


def _tensors(shape: Shape) -> Iterator[tuple[str, tuple[int, ...], Type]]:
    """Name, shape (rows first) and type of each tensor, as llama.cpp's converter writes them."""
    keys = shape.width // shape.heads * shape.kv_heads
    output = Type.Q8_0 if shape.quantization == Type.Q8_0 else Type.Q6_K
    embedding = output if shape.tied else shape.quantization
    yield "token_embd.weight", (shape.vocabulary, shape.width), embedding
    if not shape.tied:
        yield "output.weight", (shape.vocabulary, shape.width), output
    yield "output_norm.weight", (shape.width,), Type.F32
    for layer in range(shape.layers):
        start = f"blk.{layer}."
        for name, rows in (("q", shape.width), ("k", keys), ("v", keys)):
            yield f"{start}attn_{name}.weight", (rows, shape.width), shape.quantization
            yield f"{start}attn_{name}.bias", (rows,), Type.F32
        yield f"{start}attn_output.weight", (shape.width, shape.width), shape.quantization
        for name in ("gate", "up"):
            size = (shape.feed_forward, shape.width)
            yield f"{start}ffn_{name}.weight", size, shape.quantization
        yield f"{start}ffn_down.weight", (shape.width, shape.feed_forward), shape.quantization
        for name in ("attn_norm", "ffn_norm"):
            yield f"{start}{name}.weight", (shape.width,), Type.F32


def _values(
    name: str, size: tuple[int, ...], kind: Type, blocks: dict[Type, np.ndarray]
) -> np.ndarray:
    if kind == Type.F32:
        return np.full(size, 1.0 if "norm" in name else 0.0, np.float32)
    count = int(np.prod(gguf.quant_shape_to_byte_shape(size, kind)))
    if kind not in blocks:
        blocks[kind] = _blocks(kind)
    return np.resize(blocks[kind], count)


def _blocks(kind: Type) -> np.ndarray:
    """Random blocks of a type, whose weights have a standard deviation of about 0.02."""
    _, length = gguf.GGML_QUANT_SIZES[kind]
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (_RANDOM // length, length), dtype=np.uint8)
    # Where the scale (a float16) stands in a block, and the deviation of what it scales.
    start, deviation = {Type.Q8_0: (0, 74), Type.Q4_0: (0, 4.6), Type.Q6_K: (length - 2, 1370)}[
        kind
    ]
    scale = np.frombuffer(np.float16(0.02 / deviation).tobytes(), np.uint8)
    blocks[:, start : start + 2] = scale
    return blocks.reshape(-1)


def _add_tokenizer(writer: gguf.GGUFWriter, origin: Path, size: int) -> None:
    """The tokenizer of a real model, padded with tokens that no text has."""
    reader = gguf.GGUFReader(origin)
    field = {name: reader.fields[name].contents for name in reader.fields if "tokenizer" in name}
    tokens = list(field["tokenizer.ggml.tokens"]())
    given = field.get("tokenizer.ggml.token_type")
    kinds = list(given()) if given else [int(gguf.TokenType.NORMAL)] * len(tokens)
    missing = size - len(tokens)
    writer.add_tokenizer_model(field["tokenizer.ggml.model"]())
    if pre := field.get("tokenizer.ggml.pre"):
        writer.add_tokenizer_pre(pre())
    writer.add_token_list(tokens + [f"[padding {number}]" for number in range(missing)])
    writer.add_token_types(kinds + [int(gguf.TokenType.UNUSED)] * missing)
    if merges := field.get("tokenizer.ggml.merges"):
        writer.add_token_merges(merges())
    for kind, add in (("bos", writer.add_bos_token_id), ("eos", writer.add_eos_token_id)):
        if found := field.get(f"tokenizer.ggml.{kind}_token_id"):
            add(found())
