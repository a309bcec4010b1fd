"""The figures of a run as one HTML page with plots, and as JSON. The page loads nothing.

`Ratio` becomes two bars with their spread, `Series` a line, and a text stays a text.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from tests.bench.ratio import Ratio

_WIDTH, _BAR, _LABEL = 720, 18, 150
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1c2430;background:#fff}h2{margin-top:2.5rem}figure{margin:1.2rem 0}
figcaption{font-weight:600}svg{width:100%;height:auto;font:12px system-ui,sans-serif}
.met{color:#17693a}.missed{color:#a4231c}.note{color:#566}.ours{fill:#2a6fdb}.peer{fill:#9aa7b8}
.spread{stroke:#1c2430;stroke-width:1.5}.axis{stroke:#c6ced8}.line{fill:none;stroke:#2a6fdb;
stroke-width:2}text{fill:#1c2430}@media(prefers-color-scheme:dark){body{background:#14181f;
color:#e3e8ef}text{fill:#e3e8ef}.spread{stroke:#e3e8ef}.met{color:#6bd393}
.missed{color:#ff8f87}.note{color:#a3b0c0}}"""


@dataclass(frozen=True)
class Series:
    """Figures that follow each other, as memory over time."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    x_unit: str
    y_unit: str

    def line(self) -> str:
        """As printed."""
        return f"{self.name}, {self.y_unit}: {' '.join(f'{figure:.4g}' for figure in self.y)}"


#: What a section says.
Item = Ratio | Series | str


def write(folder: Path, title: str, sections: Mapping[str, Sequence[Item]]) -> Path:
    """`bench.html` and `bench.json` below `folder`; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: [_plain(item) for item in items] for name, items in sections.items()}
    (folder / "bench.json").write_text(json.dumps({"title": title, "sections": plain}, indent=1))
    page = folder / "bench.html"
    page.write_text(html(title, sections), encoding="utf-8")
    return page


def html(title: str, sections: Mapping[str, Sequence[Item]]) -> str:
    """The page."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>Benchmark</title><style>{_STYLE}</style><h1>Benchmark</h1>",
        f'<p class="note">{escape(title)}. Bars are medians, lines on them minimum to maximum.</p>',
    ]
    for name, items in sections.items():
        parts.append(f"<h2>{escape(name)}</h2>")
        parts += [_figure(item) for item in items]
    return "\n".join(parts) + "\n"


def _figure(item: Item) -> str:
    if isinstance(item, str):
        return f'<p class="note">{escape(item)}</p>'
    plot = _bars(item) if isinstance(item, Ratio) else _line(item)
    return f"<figure><figcaption>{_caption(item)}</figcaption>{plot}</figure>"


def _caption(item: Ratio | Series) -> str:
    if isinstance(item, Series):
        return escape(item.name)
    sign = ">=" if item.more_is_better else "<="
    verdict = "met" if item.met else "missed"
    aim = f'<span class="{verdict}">{item.value:.3f}</span>, aim {sign} {item.aim:g}: {verdict}'
    return f"{escape(item.name)} / {escape(item.peer_name)}: {aim}"


def _svg(height: float, title: str, content: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img"><title>{escape(title)}</title>'
    return head + "".join(content) + "</svg>"


def _bars(ratio: Ratio) -> str:
    largest = max(*ratio.ours, *ratio.peer) or 1
    scale = (_WIDTH - _LABEL - 130) / largest
    content = []
    rows = (("ours", "ours", ratio.ours), ("peer", ratio.peer_name, ratio.peer))
    for number, (kind, label, figures) in enumerate(rows):
        top = 4 + number * (_BAR + 8)
        middle, length = top + _BAR / 2, statistics.median(figures) * scale
        low, high = (_LABEL + edge(figures) * scale for edge in (min, max))
        shown = label if len(label) <= 22 else f"{label[:21]}…"
        text = f"{statistics.median(figures):.4g} {escape(ratio.unit)}"
        content += [
            f'<text x="{_LABEL - 8}" y="{middle + 4}" text-anchor="end">{escape(shown)}</text>',
            f'<rect class="{kind}" x="{_LABEL}" y="{top}" width="{length:.1f}" height="{_BAR}"/>',
            f'<path class="spread" d="M{low:.1f} {middle}H{high:.1f}"/>',
            f'<text x="{max(high, _LABEL + length) + 8:.1f}" y="{middle + 4}">{text}</text>',
        ]
    return _svg(2 * (_BAR + 8) + 4, f"{ratio.name} / {ratio.peer_name}", content)


def _line(series: Series) -> str:
    height, left, bottom, top = 200, 70, 24, 12
    x_low, x_high = min(series.x), max(series.x)
    y_high = max(series.y) or 1

    def place(x: float, y: float) -> str:
        across = (x - x_low) / ((x_high - x_low) or 1)
        up = (height - bottom - top) * y / y_high
        return f"{left + across * (_WIDTH - left - 20):.1f} {height - bottom - up:.1f}"

    points = " L".join(place(x, y) for x, y in zip(series.x, series.y, strict=True))
    axis = f"M{left} {top}V{height - bottom}H{_WIDTH - 20}"
    return _svg(
        height,
        series.name,
        [
            f'<path class="axis" fill="none" d="{axis}"/><path class="line" d="M{points}"/>',
            f'<text x="{left - 8}" y="{top + 8}" text-anchor="end">{y_high:.4g}</text>',
            f'<text x="{left - 8}" y="{height - bottom}" text-anchor="end">0</text>',
            f'<text x="{left + 6}" y="{top + 8}">{escape(series.y_unit)}</text>',
            f'<text x="{left}" y="{height - 6}">{x_low:g}</text>',
            f'<text x="{_WIDTH - 20}" y="{height - 6}" text-anchor="end">'
            f"{x_high:g} {escape(series.x_unit)}</text>",
        ],
    )


def _plain(item: Item) -> object:
    return item if isinstance(item, str) else {type(item).__name__.lower(): asdict(item)}
