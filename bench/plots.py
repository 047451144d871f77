"""Bar plots as SVG text, without a library. Each line has two bars."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LEFT, LINE, HEIGHT = 640, 110, 34, 12
COLOURS = ("#2a6fb0", "#b9c6d3")


@dataclass(frozen=True)
class Bar:
    """One line: its name and the lengths of its two bars."""

    name: str
    first: float
    second: float


def bars(title: str, legend: tuple[str, str], lines: list[Bar]) -> str:
    """The drawing. Both kinds of bars use the same scale."""
    most = max(max(each.first, each.second) for each in lines)
    scale = (WIDTH - LEFT - 70) / most
    body = [_text(10, 18, title, "bold")]
    for place, colour in enumerate(COLOURS):
        x = LEFT + 160 * place
        body += [f'<rect x="{x}" y="28" width="12" height="12" fill="{colour}"/>', _text(x + 18, 39, legend[place])]
    for place, each in enumerate(lines):
        y = 54 + place * LINE
        body.append(_text(10, y + HEIGHT + 4, each.name))
        for shift, (value, colour) in enumerate(zip((each.first, each.second), COLOURS, strict=True)):
            top = y + shift * (HEIGHT + 1)
            body.append(f'<rect x="{LEFT}" y="{top}" width="{value * scale:.1f}" height="{HEIGHT}" fill="{colour}"/>')
            body.append(_text(LEFT + 6 + value * scale, top + HEIGHT - 2, f"{value:.0f}"))
    height = 64 + len(lines) * LINE
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *body, "</svg>", ""])


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}">{escape(text)}</text>'
