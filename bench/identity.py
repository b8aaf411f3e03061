"""`retain bench identity`: who the demo shop's accounts, cards and guests are found to be, beside who they are."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.demo_shop import demo_shop
from bench.running import Options, show
from bench.scratch import scratch_folder, scratch_server
from retain import transform, warehouse
from retain.config import Settings
from retain.loads import load_sources

Tell = Callable[[str], None]
ENTITIES = ["exchange_rates", "customers", "orders"]
GOALS = {"precision": 0.999, "recall": 0.97}


def run(format: str, options: Options) -> None:
    """Run the bench and print what it found."""
    show(measure, lines, headline, format, options)


def measure(tell: Tell, *, customers: int = 20_000) -> dict[str, Any]:
    """Resolve a demo shop of so many customers and compare every pair of identities with the truth."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    with scratch_folder("identity") as folder, scratch_server(folder) as server:
        tell("fill the demo shop")
        settings = demo_shop(server, folder, customers)
        tell("load its customers and orders")
        warehouse.prepare(settings)
        for outcome in load_sources(settings, [one.name for one in settings.sources], entities=ENTITIES):
            if outcome.status != "published":
                raise RuntimeError(f"{outcome.source} {outcome.entity} was not loaded: {outcome.message}")
        tell("resolve")
        began = time.monotonic()
        command = [*transform.arguments(settings, "run"), "--select", "+int_customer_identities"]
        transform.run_dbt(settings, command)
        seconds = time.monotonic() - began
        return {**compare(found_in(settings), truth_in(folder / "truth")), "build_seconds": round(seconds, 1)}


def found_in(settings: Settings) -> pd.DataFrame:
    """source_id and customer of every identity that was found; nobody's guests have a customer of their own."""
    with warehouse.connect(settings) as connection:
        rows = connection.execute(
            "select source_id, coalesce(found.customer_key::text, source_id) "
            "from intermediate.int_identities as identities "
            "left join intermediate.int_customer_identities as found using (source_id)"
        ).fetchall()
    return pd.DataFrame(rows, columns=["source_id", "customer"])


def truth_in(folder: Path) -> pd.DataFrame:
    """source_id, person_id, joined_group, shares_phone of every identity that is a person's."""
    truth = pd.read_parquet(folder / "identities.parquet")
    return truth[truth["person_id"].notna()]


def compare(found: pd.DataFrame, truth: pd.DataFrame) -> dict[str, Any]:
    """The document: pairs of identities that were joined and that should have been, and how far they agree.

    A pair should be joined when both are of one person and connected by identifiers that this person gave.
    """
    known = found.merge(truth, on="source_id", how="inner")
    sharing = set(known.loc[known["shares_phone"], "person_id"])
    alone = known[~known["person_id"].isin(sharing)]
    joined, right = pairs(known, "customer"), pairs(known, "customer", "person_id")
    wanted, reached = pairs(known, "joined_group"), pairs(known, "joined_group", "customer")
    people = known.groupby("customer")["person_id"].nunique()
    return {
        "precision": ratio(right, joined),
        "recall": ratio(reached, wanted),
        "recall_without_shared_phones": ratio(pairs(alone, "joined_group", "customer"), pairs(alone, "joined_group")),
        "identities": len(known),
        "persons": int(known["person_id"].nunique()),
        "persons_with_shared_phone": len(sharing),
        "customers": int(known["customer"].nunique()),
        "customers_of_several_persons": int((people > 1).sum()),
        "pairs_joined": joined,
        "pairs_joined_wrongly": joined - right,
        "pairs_to_join": wanted,
        "pairs_missed": wanted - reached,
    }


def pairs(known: pd.DataFrame, *same: str) -> int:
    """How many pairs of rows have the same values in these columns."""
    sizes = known.groupby(list(same)).size()
    return int((sizes * (sizes - 1) // 2).sum())


def ratio(part: int, whole: int) -> float:
    """part / whole, and 1 of nothing."""
    return round(part / whole, 6) if whole else 1.0


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: a line a number, with its goal where it has one."""
    rows = []
    for name, value in document.items():
        written = f"{value:,.6f}" if isinstance(value, float) and name != "build_seconds" else f"{value:,}"
        rows.append([name.replace("_", " "), written, f"≥ {GOALS[name]}" if name in GOALS else ""])
    return ["pairs of identities", "", "goal"], rows


def headline(document: dict[str, Any]) -> list[str]:
    """What came out, in sentences."""
    met = all(document[name] >= goal for name, goal in GOALS.items())
    return [
        f"Of the pairs that were joined {document['precision']:.2%} are one person; of those that share an identifier of "
        f"their person {document['recall']:.2%} were joined: the goals are {'met' if met else 'NOT met'}."
    ]
