"""`retain bench reference`: build the marts of a shop, recompute them from its raw tables in pandas, and compare every cell."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.demo_shop import demo_shop, settings_over, warehouse_of
from bench.reference import histories
from bench.reference.baskets import bought_next, bought_together
from bench.reference.marts import Shop, day_number, prepared, recomputed
from bench.reference.orders import given_back, goods, occasions, valid_orders
from bench.reference.tables import read
from bench.scratch import scratch_folder, scratch_server
from retain import transform, warehouse
from retain.cli.instance import REPOSITORY
from retain.config import Settings
from retain.errors import UserError
from retain.loads import load_sources

Tell = Callable[[str], None]
SHOPS = ["cdnow", "demo"]
CDNOW_CONFIG = REPOSITORY / "examples" / "cdnow" / "retain.yml"
MOST_EXAMPLES = 20
TOLERANCE = 1.1e-6  # of what is a quotient or a product of many: the mart rounds it to six decimals
COMPARED = {
    "survival": "where event_customers > 0",  # in between the curve is level
    **dict.fromkeys(
        ("segment_flow", "survival_by", "journey_steps"), "where dimension <> 'tier'"
    ),  # raw tells today's only
}
QUOTIENTS = (
    "active_rate", "survival_rate", "survival_low", "survival_high", "net_amount_share", "support", "confidence",
    "next_rate", "lift",
)  # fmt: skip


def measure(tell: Tell, *, shops: list[str] = SHOPS, customers: int = 20_000) -> dict[str, Any]:
    """Compare the marts of the named shops; `customers` is the size of the demo shop. Returns the document."""
    unknown = sorted(set(shops) - set(SHOPS))
    if unknown:
        raise UserError(f"There is no shop called {', '.join(unknown)}.", hint=f"There are: {', '.join(SHOPS)}.")
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    marts = []
    for shop in shops:
        tell(f"{shop}: load and build")
        with _built(shop, customers) as settings:
            tell(f"{shop}: recompute")
            marts += [{"shop": shop, **mart} for mart in compare(settings)]
    return {
        "cells": sum(mart["cells"] for mart in marts),
        "differences": sum(mart["differences"] for mart in marts),
        "marts": marts,
    }


@contextmanager
def _built(shop: str, customers: int) -> Iterator[Settings]:
    """A shop whose marts have just been built, in a warehouse of its own."""
    with scratch_folder(f"reference-{shop}") as folder, scratch_server(folder) as server:
        if shop == "cdnow":
            text = CDNOW_CONFIG.read_text().replace("    folder: .\n", f"    folder: {CDNOW_CONFIG.parent}\n")
            settings = settings_over(folder, text.replace("  folder: ../../.retain/cdnow\n", warehouse_of(server)))
        else:
            settings = demo_shop(server, folder, customers)
        _build(settings)
        yield settings


def _build(settings: Settings) -> None:
    warehouse.prepare(settings)
    for outcome in load_sources(settings, [source.name for source in settings.sources]):
        if outcome.status != "published":
            raise RuntimeError(f"{outcome.source} {outcome.entity} was not loaded: {outcome.message}")
    transform.build(settings)


def compare(settings: Settings) -> list[dict[str, Any]]:
    """Each recomputed mart beside the warehouse's: cells, differences, and the first of these in words."""
    if settings.business.calendar != "gregorian":
        raise UserError("The reference counts in Gregorian months only.", hint="Choose a shop with that calendar.")
    with warehouse.connect(settings) as connection:
        orders = valid_orders(connection, settings)
        shop = Shop(
            prepared(occasions(orders)),
            day_number(settings.as_of_on),
            day_number(settings.observed_until_on),
            settings.business.week_start,
            settings.business.active_days,
            settings.business.lapse_days,
            given_back(connection, settings, orders),
        )
        shop = replace(shop, occasions=histories.with_standings(shop))
        compared = []
        for name, keys, expected in [*recomputed(shop), *_further(shop, goods(connection, orders))]:
            found = read(connection, f"select {_columns(expected)} from marts.{name} {COMPARED.get(name, '')}")
            compared.append({"mart": name, "rows": len(expected), **differences(keys, expected, found)})
    return compared


def _further(shop: Shop, lines: pd.DataFrame) -> Iterator[tuple[str, list[str], pd.DataFrame]]:
    """Name of the mart, its key columns, and the table; a mart of which the shop has nothing is left out."""
    history = histories.segment_history(shop)
    breakdown = ["dimension", "dimension_value"]
    for name, keys, table in (
        ("segment_history", ["customer_key", "month_start"], history),
        ("segment_flow", ["month_start", *breakdown], histories.segment_flow(history)),
        ("lapse_flow", ["rule", "month_start"], histories.lapse_flow(shop)),
        ("value_concentration", [*breakdown, "top_percent"], histories.concentration(shop)),
        ("journey_steps", [*breakdown, "from_occasion"], histories.journey(shop)),
        ("survival", ["from_occasion", "day"], histories.plain_survival(shop)),
        ("bought_together", ["level", "item", "other_item"], bought_together(lines)),
        ("bought_next", ["category", "next_category"], bought_next(lines, shop.occasions)),
    ):
        if len(table):
            yield name, keys, table


def _columns(expected: pd.DataFrame) -> str:
    """The mart's columns as whole numbers: cents, and days since 1970-01-01."""
    names = []
    for name in expected.columns:
        if name.endswith(("_amount", "_amount_365")):
            names.append(f"({name} * 100)::bigint as {name}")
        elif name.endswith(("_on", "_start", "_month")) and not name.endswith("at_start"):
            names.append(f"{name} - date '1970-01-01' as {name}")
        else:
            names.append(name)
    return ", ".join(names)


def differences(keys: list[str], expected: pd.DataFrame, found: pd.DataFrame) -> dict[str, Any]:
    """Cells compared, how many differ, and the first of them. A row that only one side has differs in every cell."""
    values = [name for name in expected.columns if name not in keys]
    left, right = expected.set_index(keys)[values].sort_index(), found.set_index(keys)[values].sort_index()
    if left.index.has_duplicates or right.index.has_duplicates:
        raise RuntimeError(f"rows are not told apart by {', '.join(keys)}")
    every = left.index.union(right.index)
    alone = ~(every.isin(left.index) & every.isin(right.index))
    left, right = left.reindex(every), right.reindex(every)
    wrong = pd.DataFrame({name: _differ(name, left[name], right[name]) for name in values}, index=every)
    wrong |= alone[:, None]
    examples = [
        f"{dict(zip(keys, key if isinstance(key, tuple) else (key,), strict=True))} {name}: "
        f"recomputed {left.loc[key, name]}, mart {right.loc[key, name]}"
        for name in values
        for key in wrong.index[wrong[name]][:MOST_EXAMPLES]
    ]
    return {"cells": wrong.size, "differences": int(wrong.to_numpy().sum()), "examples": examples[:MOST_EXAMPLES]}


def _differ(name: str, left: pd.Series, right: pd.Series) -> list[bool]:
    """Where neither side has a value, nothing differs."""
    pairs = [(a, b) for a, b in zip(left, right, strict=True)]
    if any(pd.isna(a) or pd.isna(b) for a, b in pairs):
        return [not (pd.isna(a) and pd.isna(b)) and _is_other(name, a, b) for a, b in pairs]
    return [_is_other(name, a, b) for a, b in pairs]


def _is_other(name: str, a: Any, b: Any) -> bool:
    if name in QUOTIENTS:
        return pd.isna(a) or pd.isna(b) or not abs(float(a) - float(b)) <= TOLERANCE
    return bool(a != b)


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: a line a shop and mart."""
    header = ["shop", "mart", "rows", "cells", "differences"]
    return header, [
        [mart["shop"], mart["mart"], f"{mart['rows']:,}", f"{mart['cells']:,}", f"{mart['differences']:,}"]
        for mart in document["marts"]
    ]


def headline(document: dict[str, Any]) -> list[str]:
    """What came out, in sentences, with the first differences."""
    said = [f"{document['cells']:,} cells recomputed in pandas: {document['differences']:,} differ (goal: 0)"]
    for mart in document["marts"]:
        said += [f"  {mart['shop']} {mart['mart']}: {example}" for example in mart["examples"]]
    return said
