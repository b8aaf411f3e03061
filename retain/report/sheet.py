"""Pieces of the picture: words, legends and tables as SVG, with the line breaks that a browser would otherwise make."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from retain.report.charts import theme
from retain.report.panels import Key

FONT = 'Arial, Helvetica, "Liberation Sans", sans-serif'  # as wide as each other; the renderer brings the last but one
NARROW, WIDE = frozenset("iljrtfI.,:;'|!()[] ·-"), frozenset("mwMWQGO@%—×")
OTHER_SCRIPT = re.compile("[\u0530-\u058f\u0600-\u06ff]")
BOTH_SCRIPTS = '"Segoe UI", "DejaVu Sans", "Arial Unicode MS", "Noto Sans", sans-serif'


@dataclass(frozen=True)
class Block:
    """A piece of the sheet: its SVG from (0, 0) down, and how high it is."""

    svg: str
    height: float


def moved(block: Block | str, x: float, y: float) -> str:
    svg = block if isinstance(block, str) else block.svg
    return f'<g transform="translate({x:.1f},{y:.1f})">{svg}</g>'


def stacked(blocks: Sequence[Block], gap: float = 0) -> Block:
    """One below the other."""
    parts, y = [], 0.0
    for block in blocks:
        parts.append(moved(block, 0, y))
        y += block.height + gap
    return Block("".join(parts), max(0.0, y - gap))


def font_of(text: str) -> str:
    """For Armenian and Arabic script, an attribute that names fonts which hold Latin too.

    Without it the renderer looks for a font that has all of a line, and takes the first, with serifs or without.
    """
    return f" font-family='{BOTH_SCRIPTS}'" if OTHER_SCRIPT.search(text) else ""


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a line is in FONT, in pixels, rather too wide than too narrow."""
    ems = sum(0.3 if c in NARROW else 0.87 if c in WIDE else 0.69 if c.isupper() else 0.56 for c in text)
    return ems * size * (1.06 if bold else 1.0)


def line(
    text: str, x: float, y: float, size: float, *, colour: str = theme.INK, weight: int = 400, anchor: str = "start"
) -> str:
    """One line of text; `y` is its baseline."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}"{font_of(text)}>{escape(text)}</text>'
    )


def paragraph(
    text: str, width: float, size: float, *, colour: str = theme.INK, weight: int = 400, leading: float = 1.4
) -> Block:
    """Text broken into lines that fit the width, about equally long; a word longer than that stays whole."""
    lines = _broken(text, width, size, bold=weight > 500)
    narrower = width
    while len(closer := _broken(text, narrower := narrower * 0.97, size, bold=weight > 500)) == len(lines) > 1:
        lines = closer
    step = size * leading
    svg = "".join(
        line(each, 0, step * number + size, size, colour=colour, weight=weight) for number, each in enumerate(lines)
    )
    return Block(svg, step * len(lines))


def _broken(text: str, width: float, size: float, *, bold: bool) -> list[str]:
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def legend(keys: Sequence[Key], width: float) -> Block:
    """The keys side by side, on as many lines as they need."""
    size, x, y, parts = 12.5, 0.0, 0.0, []
    for key in keys:
        if key.mark == "ramp":
            low, high = key.text.split("|")
            wide = width_of(low, size) + 120 + 14 + width_of(high, size)
        else:
            wide = 21 + width_of(key.text, size)
        if x and x + wide > width:
            x, y = 0.0, y + 20
        parts.append(moved(_key(key, size), x, y))
        x += wide + 18
    return Block("".join(parts), y + 18)


def _key(key: Key, size: float) -> str:
    if key.mark == "ramp":
        low, high = key.text.split("|")
        start = width_of(low, size) + 7
        colours = key.colour.split(",")
        wide = 120 / len(colours)
        ramp = "".join(
            f'<rect x="{start + wide * number:.1f}" y="2" width="{wide + 0.5:.1f}" height="11" fill="{colour}"/>'
            for number, colour in enumerate(colours)
        )
        return line(low, 0, 12, size, colour=theme.MUTED) + ramp + line(high, start + 127, 12, size, colour=theme.MUTED)
    box = f'<rect x=".5" y=".5" width="13" height="13" fill="{theme.CARD}" stroke="{theme.FAINT}" stroke-dasharray="2 2"/>'
    mark = {
        "hatch": box + f'<path d="M0 7 7 0M0 14 14 0M7 14 14 7" fill="none" stroke="{theme.FAINT}"/>',
        "open": box,
        "line": f'<path d="M0 7H14" stroke="{key.colour}" stroke-width="2.4"/>',
        "swatch": f'<rect width="14" height="14" rx="2" fill="{key.colour}"/>',
    }[key.mark]
    return mark + line(key.text, 21, 12, size, colour=theme.MUTED)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], width: float, *, left: int = 1) -> Block:
    """A table: the first `left` columns left-aligned, the others right; every column as wide as its longest word needs."""
    size, high = 12.5, 25.0
    needs = [max(width_of(str(row[column]), size) for row in [head, *rows]) for column in range(len(head))]
    spare = max(0.0, width - sum(needs)) / max(1, len(head) - 1)
    edges, x = [], 0.0
    for number, need in enumerate(needs):
        edges.append(x if number < left else x + need)
        x += need + spare
    parts = []
    for number, row in enumerate([head, *rows]):
        for column, text in enumerate(row):
            colour = theme.MUTED if number == 0 else theme.WARM if text == "refused" else theme.INK
            anchor, weight = "start" if column < left else "end", 600 if column == 0 and number else 400
            parts.append(
                line(str(text), edges[column], high * number + 16, size, colour=colour, weight=weight, anchor=anchor)
            )
        parts.append(
            f'<line x2="{width}" y1="{high * (number + 1) - 1}" y2="{high * (number + 1) - 1}" stroke="{theme.RULE}"/>'
        )
    return Block("".join(parts), high * (len(rows) + 1))
