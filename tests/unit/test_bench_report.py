"""The benchmark's report: everything that was measured is on the page, and nothing is loaded."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import gguf
import numpy as np
import pytest

from scripts.shared.errors import UsageError
from tests.bench import __main__ as bench
from tests.bench import real_sizes, report
from tests.bench.ratio import Ratio
from tests.bench.report import Series
from tests.unit.gguf_files import write_model

RATIO = Ratio("speed <1>", "peer & co", [90.0, 100.0, 110.0], [50.0, 40.0], "tokens/s", 0.9, True)
SERIES = Series("memory", [1000.0, 2000.0], [10.0, 20.0], "requests", "MB")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in {"meta", "html", "p"}:
            self.open.append(tag)

    def handle_startendtag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag != "p":
            assert self.open.pop() == tag


def test_the_page_shows_ratios_series_and_texts(tmp_path: Path) -> None:
    page = report.write(tmp_path, "2 CPUs", {"stream: x": [RATIO, "a <note>"], "load": [SERIES]})
    text = page.read_text(encoding="utf-8")
    for shown in ("speed &lt;1&gt; / peer &amp; co", "2.222", "a &lt;note&gt;", "memory", "2 CPUs"):
        assert shown in text
    assert '<span class="met">' in text
    assert text.count("<svg") == 2
    tags = _Tags()
    tags.feed(text)
    assert tags.open == []
    assert not [name for name, _ in tags.attributes if name in {"src", "href"}]
    assert "url(" not in text


def test_bars_are_as_long_as_their_medians() -> None:
    bars = re.findall(r'class="(ours|peer)"[^>]* width="([\d.]+)"', report.html("", {"": [RATIO]}))
    lengths = {kind: float(width) for kind, width in bars}
    assert lengths["ours"] / lengths["peer"] == pytest.approx(100 / 45, rel=0.01)


def test_a_missed_aim_is_marked() -> None:
    slow = Ratio("a", "b", [1.0], [2.0], "s", 0.9, True)
    page = report.html("", {"": [slow]})
    assert '<span class="missed">0.500</span>, aim >= 0.9: missed' in page


def test_the_figures_are_kept_as_json(tmp_path: Path) -> None:
    report.write(tmp_path, "t", {"s": [RATIO, SERIES, "text"]})
    kept = json.loads((tmp_path / "bench.json").read_text())["sections"]["s"]
    assert kept[0]["ratio"]["ours"] == [90.0, 100.0, 110.0]
    assert kept[1]["series"]["y"] == [10.0, 20.0]
    assert kept[2] == "text"


def test_one_figure_alone_can_be_drawn() -> None:
    assert "<svg" in report.html("", {"": [Series("a", [1.0], [0.0], "x", "y")]})


def test_an_unknown_section_is_named() -> None:
    with pytest.raises(UsageError, match=r"no section flow\."):
        bench.main(["flow"])


def test_a_shape_is_written_with_the_tensors_of_the_real_model(tmp_path: Path) -> None:
    origin = write_model(tmp_path / "origin.gguf", vocabulary=100)
    small = real_sizes.Shape(2, 256, 4, 2, 512, 300, False, gguf.GGMLQuantizationType.Q4_0)
    made = real_sizes.provide("small", origin, tmp_path / "made", small)
    reader = gguf.GGUFReader(made)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert len(tensors) == 3 + 2 * 12
    assert list(tensors["blk.1.attn_k.weight"].shape) == [256, 128]
    assert list(tensors["token_embd.weight"].shape) == [256, 300]
    assert tensors["output.weight"].tensor_type == gguf.GGMLQuantizationType.Q6_K
    assert len(reader.fields["tokenizer.ggml.tokens"].contents()) == 300
    for name in ("blk.0.ffn_up.weight", "output.weight"):
        tensor = tensors[name]
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        assert np.isfinite(values).all()
        assert float(values.std()) == pytest.approx(0.02, rel=0.15)
