"""`retain bench questions`: draw the picture of every question of docs/questions.md, from the answer that is printed there."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.running import Options, show
from retain.report.charts import bars
from retain.report.charts.theme import CONFIG, DEEP, Size

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, PICTURES = DOCS / "questions.md", DOCS / "images" / "questions"
WIDTH = 640
MOST_BARS = 12
# question: the columns that name a bar, and the one that says how long it is
DRAWN = {
    "Which channels keep most customers?": (["channel"], "back_within_180_days"),
    "Which groups are most loyal?": (["category"], "loyal_share"),
    "Which have most room to grow?": (["segment"], "high_potential_customers"),
    "At which step of the journey are most customers lost, and at which most money?": (
        ["from_occasion"],
        "lost_net_amount_365",
    ),
    "Does a return drive customers away?": (["first_purchase"], "lost_rate"),
    "How long do customers wait before they come back?": (["from_occasion"], "median_days"),
    "How many customers does the shop gain, win back and lose, and what money goes with them?": (
        ["quarter"],
        "retention_rate_strict",
    ),
    "Who is about to leave, and what are they worth?": (["risk_band"], "value_at_risk"),
    "Who carries the value?": (["top_percent"], "net_amount_share"),
    "What is a new customer worth after a year, by channel?": (["channel"], "net_each"),
    "When has a new customer paid for what acquiring them cost?": (["channel"], "cost_each"),
    "Which dormant customers are worth winning back?": (["segment"], "net_amount_each"),
    "Are lapsed customers coming back, and would another rule change the picture?": (["rule"], "won_back"),
    "What goes with what?": (["name", "other_name"], "lift"),
    "What do customers buy next?": (["category", "next_category"], "lift"),
    "Do good customers stay good?": (["segment_at_start"], "retained"),
    "Do loyalty tiers keep their customers?": (["tier_at_start"], "bought_within_90_days"),
    "Did a change of product, price or service move retention?": (["title", "reading"], "effect"),
    "Did the campaign keep anyone?": (["experiment_id"], "lift"),
    "Does a complaint that is answered late cost the customer?": (["answered"], "bought_within_180_days"),
    "Which letters are followed by an order?": (["campaign"], "ordered_within_28_days"),
}


def run(format: str, options: Options) -> None:
    """`retain bench questions`."""
    show(measure, lines, headline, format, options)


def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Write an SVG a question below docs/images/questions, and return the document: question, file, bars."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    drawn = []
    for title, header, rows in answers(PAGE.read_text(encoding="utf-8")):
        names, value = DRAWN[title]
        chosen = bars_of(header, rows, names, value)
        path = PICTURES / file_name(title)
        tell(path.name)
        path.write_text(svg(chosen, value), encoding="utf-8")
        drawn.append({"question": title, "file": path.name, "bars": len(chosen)})
    return {"pictures": len(drawn), "drawn": drawn}


def answers(page: str) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, column names and printed cells of every section that has an answer."""
    for section in page.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        table = re.search(r"```\n\n((?:\|.*\|\n)+)", section)
        if table:
            header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines())
            yield title, header, rows


def file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48].rstrip("-") + ".svg"


def bars_of(header: list[str], rows: list[list[str]], names: list[str], value: str) -> list[bars.Bar]:
    """A bar a row, as long as its value; a row without one has none."""
    at = header.index(value)
    return [
        bars.Bar(" → ".join(_named(name, row[header.index(name)]) for name in names), number, row[at], DEEP)
        for row in rows
        if (number := _number(row[at])) is not None
    ][:MOST_BARS]


def _named(column: str, cell: str) -> str:
    return {"from_occasion": f"after purchase {cell}", "top_percent": f"top {cell} %"}.get(column, cell)


def _number(cell: str) -> float | None:
    text = cell.replace(",", "").strip("*% ")
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None


def svg(chosen: list[bars.Bar], value: str) -> str:
    """The bars below the name of what they measure, on white."""
    import vl_convert

    chart = bars.draw(chosen, size=Size(WIDTH, bars.height(chosen)))
    chart |= {
        "config": {**CONFIG, "background": "white"},
        "padding": 16,
        "title": {"text": value.replace("_", " "), "anchor": "start", "fontSize": 13, "offset": 12},
    }
    return str(vl_convert.vegalite_to_svg(chart)) + "\n"


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: a line a picture."""
    return ["question", "file", "bars"], [[one["question"], one["file"], str(one["bars"])] for one in document["drawn"]]


def headline(document: dict[str, Any]) -> list[str]:
    """How many there are, and where."""
    return [f"{document['pictures']} pictures in docs/images/questions"]
