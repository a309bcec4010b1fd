from __future__ import annotations

import xml.etree.ElementTree as ET

from scripts.image.size import Layer, Sizes
from scripts.image.size_picture import BAR, svg

SVG = "{http://www.w3.org/2000/svg}"
SIZES = Sizes(
    (
        Layer("RUN /bin/sh -c apt-get install <a> && b # buildkit", 1000, 400),
        Layer("COPY " + "x" * 100, 500, 0),
    )
)


def test_the_picture_is_xml_with_two_bars_a_layer() -> None:
    root = ET.fromstring(svg(SIZES, "a & b"))  # noqa: S314 - our own text
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == "a & b"
    widths = [float(bar.get("width", "0")) for bar in root.findall(f"{SVG}rect")[1:]]
    assert widths == [BAR, BAR * 0.4, BAR * 0.5, 1.0]


def test_the_picture_names_layers_and_their_sum() -> None:
    texts = [text.text or "" for text in ET.fromstring(svg(SIZES, "t")).iter(f"{SVG}text")]  # noqa: S314
    assert "apt-get install <a> && b" in texts
    assert any(text.endswith("...") and len(text) == 46 for text in texts)
    assert texts[-2:] == ["total", "400 B pulled, 1.5 kB unpacked"]


def test_an_engine_without_compressed_layers_has_a_picture_too() -> None:
    text = svg(Sizes((Layer("COPY a", 10, None),)), "t")
    assert "10 B unpacked" in text
    ET.fromstring(svg(Sizes(()), "t"))  # noqa: S314
