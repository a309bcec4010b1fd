"""Draws an image's layers as an SVG: a bar for each, as wide as what a pull moves."""

from __future__ import annotations

from html import escape

from scripts.image.size import Layer, Sizes, name
from scripts.shared.console import size

#: Pixels.
WIDTH, ROW, LEFT, BAR, TOP = 960, 26, 330, 420, 44

#: Colours that keep apart for most eyes (Okabe and Ito), lightest last.
PULLED, UNPACKED = "#0072b2", "#cfe3ef"


def svg(sizes: Sizes, title: str) -> str:
    """The picture as text. Lowest layer first; pale: unpacked, dark: compressed."""
    widest = max((layer.unpacked for layer in sizes.layers), default=1) or 1
    height = TOP + ROW * (len(sizes.layers) + 1) + 10
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="10" y="24" font-size="16">{escape(title)}</text>',
    ]
    for number, layer in enumerate(sizes.layers):
        rows += _row(layer, TOP + ROW * number, widest)
    total = Layer("total", sizes.unpacked, sizes.compressed)
    rows += [_text(LEFT - 10, TOP + ROW * len(sizes.layers), "total", anchor="end")]
    rows += [_text(LEFT + BAR + 10, TOP + ROW * len(sizes.layers), _figures(total)), "</svg>"]
    return "\n".join(rows) + "\n"


def _row(layer: Layer, top: int, widest: int) -> list[str]:
    text = name(layer)
    short = text if len(text) <= 46 else f"{text[:43]}..."
    return [
        _text(LEFT - 10, top, short, anchor="end"),
        _bar(top, layer.unpacked / widest, UNPACKED),
        _bar(top, (layer.compressed or 0) / widest, PULLED),
        _text(LEFT + BAR + 10, top, _figures(layer)),
    ]


def _bar(top: int, share: float, colour: str) -> str:
    width = max(1.0, share * BAR)
    return f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{ROW - 6}" fill="{colour}"/>'


def _text(x: int, top: int, text: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{top + 15}" text-anchor="{anchor}">{escape(text)}</text>'


def _figures(layer: Layer) -> str:
    if layer.compressed is None:
        return f"{size(layer.unpacked)} unpacked"
    return f"{size(layer.compressed)} pulled, {size(layer.unpacked)} unpacked"
