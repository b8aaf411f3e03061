"""The picture: the same page as one PNG, put together from the same drawings, without a browser."""

import re
from html import escape
from itertools import count
from typing import Any

import vl_convert

from retain.config import Settings
from retain.report import formats, sureness
from retain.report.charts import theme
from retain.report.figures import Figures
from retain.report.panels import Panel, View
from retain.report.png import smaller
from retain.report.sheet import FONT, Block, legend, line, moved, paragraph, stacked, table, width_of
from retain.report.tiles import tiles

WIDTH, MARGIN, GAP, INSIDE = 1400, 36, 22, 24
ROWS = (
    ("cohorts", 8, "survival", 4),
    ("flow", 7, "risk", 5),
    ("value", 12),
    ("channels", 12),
    ("loads", 7, "sureness", 5),
)
COLUMNS = {"value": 3, "channels": 4}  # drawings side by side
SHARPNESS = 1.5  # pixels of the picture per pixel of the page
MOST_LOADS = 16


def render_picture(settings: Settings, figures: Figures, panels: list[Panel]) -> bytes:
    """The PNG, 2100 pixels wide."""
    return smaller(vl_convert.svg_to_png(render_svg(settings, figures, panels), scale=SHARPNESS))


def render_svg(settings: Settings, figures: Figures, panels: list[Panel]) -> str:
    """The whole sheet as one SVG."""
    by_name = {panel.name: panel for panel in panels}
    blocks = [_header(settings, figures), _tiles(settings, figures)]
    for row in ROWS:
        blocks.append(
            _row(settings, figures, [(by_name[str(n)], int(s)) for n, s in zip(row[::2], row[1::2], strict=True)])
        )
    sheet = stacked(blocks, GAP)
    height = sheet.height + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{WIDTH}" '
        f'height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}" font-family="{escape(FONT)}">'
        f'<rect width="100%" height="100%" fill="{theme.PAPER}"/>{moved(sheet, MARGIN, MARGIN)}</svg>'
    )


def _header(settings: Settings, figures: Figures) -> Block:
    key, full = figures.key, WIDTH - 2 * MARGIN
    day = formats.day(key["as_of_on"], settings.business.calendar)
    facts = f"as of {day}   ·   {key['currency']}   ·   {settings.business.timezone}"
    name = settings.business.name
    size = min(44.0, 44 * (full - width_of(facts, 14) - 60) / max(width_of(name, 44, bold=True), 1))
    return Block(
        line("CUSTOMER RETENTION", 0, 12, 13, colour=theme.MID, weight=700)
        + line(name, 0, 58, round(size, 1), weight=700)
        + line(facts, full, 58, 14, colour=theme.MUTED, anchor="end"),
        68,
    )


def _tiles(settings: Settings, figures: Figures) -> Block:
    full = WIDTH - 2 * MARGIN
    wide, high = full / 4, 104.0
    parts = [_card(full, 2 * high)]
    for number, tile in enumerate(tiles(figures, settings.business)):
        x, y = number % 4 * wide, number // 4 * high
        words = (
            line(tile.label, 22, 30, 13, colour=theme.MUTED, weight=600)
            + line(tile.value, 22, 66, 33, weight=700)
            + line(tile.note, 22, 88, 12.5, colour=theme.MUTED)
        )
        parts.append(moved(words, x, y))
    parts += [f'<path d="M{wide * n} 0V{2 * high}" stroke="{theme.RULE}"/>' for n in (1, 2, 3)]
    parts.append(f'<path d="M0 {high}H{full}" stroke="{theme.RULE}"/>')
    return Block("".join(parts), 2 * high)


def _row(settings: Settings, figures: Figures, row: list[tuple[Panel, int]]) -> Block:
    """Cards side by side, as high as the highest; a drawing that fills is stretched to that."""
    column = (WIDTH - 2 * MARGIN - 11 * GAP) / 12
    widths = [span * column + (span - 1) * GAP for _, span in row]
    blocks = [
        _panel(settings, figures, panel, wide - 2 * INSIDE, 0) for (panel, _), wide in zip(row, widths, strict=True)
    ]
    high = max(block.height for block in blocks)
    parts, x = [], 0.0
    for (panel, _), wide, block in zip(row, widths, blocks, strict=True):
        if high > block.height and any(view.fills for view in panel.views):
            block = _panel(settings, figures, panel, wide - 2 * INSIDE, high - block.height)
        parts.append(moved(_card(wide, high + 2 * INSIDE) + moved(block, INSIDE, INSIDE), x, 0))
        x += wide + GAP
    return Block("".join(parts), high + 2 * INSIDE)


def _card(width: float, height: float) -> str:
    return f'<rect width="{width:.1f}" height="{height:.1f}" rx="10" fill="{theme.CARD}" stroke="{theme.RULE}"/>'


def _panel(settings: Settings, figures: Figures, panel: Panel, width: float, stretch: float) -> Block:
    blocks = [
        paragraph(panel.title, width, 20, weight=700, leading=1.25),
        paragraph(panel.about, width, 13.5, colour=theme.MUTED),
    ]
    if panel.legend:
        blocks.append(legend(panel.legend, width))
    if panel.missing:
        blocks.append(paragraph(panel.missing, width, 14, colour=theme.MUTED))
    if panel.views:
        blocks.append(_views(panel, width, stretch))
    blocks += _words(settings, figures, panel, width)
    if panel.note:
        blocks.append(paragraph(panel.note, width, 12, colour=theme.MUTED))
    return stacked(blocks, 9)


def _views(panel: Panel, width: float, stretch: float) -> Block:
    columns = min(COLUMNS.get(panel.name, 1), len(panel.views))
    between = 38
    wide = (width - between * (columns - 1)) / columns
    drawn = [_view(view, wide, stretch if view.fills else 0) for view in panel.views]
    if columns == 1:
        return stacked(drawn, 8)
    parts = [moved(block, number * (wide + between), 0) for number, block in enumerate(drawn)]
    return Block("".join(parts), max(block.height for block in drawn))


_numbers = count()


def _view(view: View, width: float, stretch: float) -> Block:
    """One drawing. Vega numbers its clips and gradients from 0 in each; on one sheet they need names of their own."""
    height = view.height + int(stretch)
    specification: dict[str, Any] = view.draw(theme.Size(int(width), height))
    svg = vl_convert.vegalite_to_svg(specification, config={**theme.CONFIG, "font": FONT})
    svg = re.sub(r'(id="|url\(#)((?:clip|gradient)[\w-]*)', rf"\g<1>v{next(_numbers)}-\g<2>", svg)
    drawing = Block(svg, height)
    if not view.caption:
        return drawing
    return stacked([Block(line(view.caption, 0, 13, 13, weight=700), 18), drawing], 5)


def _words(settings: Settings, figures: Figures, panel: Panel, width: float) -> list[Block]:
    """What a panel says in a table, as on the page."""
    if panel.name == "survival" and figures.steps:
        head = ("After order", "Customers", "30 days", "90 days", "365 days", "Half after")
        rows = [
            (
                str(step["from_occasion"]),
                formats.whole(step["customers"]),
                *(formats.share(step[f"back_within_{days}"], 0) for days in (30, 90, 365)),
                formats.NOTHING if step["median_days"] is None else f"{step['median_days']:,} d",
            )
            for step in figures.steps
        ]
        return [table(head, rows, width)]
    if panel.name == "loads" and figures.loads:
        columns = ("Source", "Entity", "Status", "Rows sent", "Quarantined", "Waiting", "Verified through")
        feeds = [
            (
                load["source"],
                load["entity"].replace("_", " "),
                load["last_status"],
                formats.whole(load["rows_sent"]),
                formats.whole(load["rows_quarantined"]),
                formats.whole(load["open_quarantined_rows"]),
                formats.moment(load["verified_through"], settings.business.zone),
            )
            for load in figures.loads[:MOST_LOADS]
        ]
        more = len(figures.loads) - len(feeds)
        blocks = [table(columns, feeds, width, left=3)]
        return [*blocks, paragraph(f"and {more} more", width, 12.5, colour=theme.MUTED)] if more > 0 else blocks
    return _sureness(figures, width) if panel.name == "sureness" else []


def _sureness(figures: Figures, width: float) -> list[Block]:
    backcast = sureness.newest_backcast(figures.models)
    grades = sureness.grades(figures.models, backcast, figures.key["currency"])
    blocks = []
    if backcast is not None and grades:
        since = f"As if it were {formats.day(backcast['as_of_on'])}, for the {backcast['grades']['holdout_days']} days that followed:"
        blocks.append(paragraph(since, width, 13.5))
        rows = [(grade.what, grade.said, grade.was, grade.rule) for grade in grades]
        blocks.append(table(("", "We said", "It was", "Naive rule"), rows, width))
    for model in sureness.models(figures.models):
        blocks.append(paragraph(f"{model.title}: {model.standing}, {model.customers} customers", width, 13))
    if not blocks:
        blocks.append(paragraph("No forecast has been made yet.", width, 13))
    return [*blocks, *(paragraph(remark, width, 12.5, colour=theme.MUTED) for remark in sureness.remarks(figures))]
