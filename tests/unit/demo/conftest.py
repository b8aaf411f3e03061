"""A small demo shop in memory, and what its systems and its truth hold at the end of a day."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from retain.demo.shop import ShopOrders, shop_orders, shop_tables
from retain.demo.simulation import Simulation, simulate
from retain.demo.systems import held, system_files
from retain.demo.text import Texts
from retain.demo.tills import receipt_numbers, till_files
from retain.demo.truth import truth_tables

START, UNTIL = date(2023, 1, 15), date(2024, 12, 31)


@dataclass(frozen=True)
class Shop:
    """A simulation with all that is written of it."""

    simulation: Simulation
    numbered: ShopOrders
    tables: dict[str, list[Texts]]
    files: dict[str, str]
    systems: dict[str, str]
    truth: dict[str, pa.Table]

    def things(self, name: str) -> list[dict[str, Any]]:
        """What a web system holds in a collection, `helpdesk/tickets`."""
        return [json.loads(line) for line in self.systems[f"{name}.jsonl"].splitlines()]


@cache
def shop_until(until: date, seed: int = 7, customers: int = 3_000) -> Shop:
    simulation = simulate(start=START, until=until, seed=seed, customers=customers)
    numbered, receipts, holds = shop_orders(simulation), receipt_numbers(simulation), held(simulation)
    return Shop(
        simulation,
        numbered,
        shop_tables(simulation, numbered),
        dict(till_files(simulation, receipts)),
        dict(system_files(simulation, holds)),
        truth_tables(simulation, numbered, receipts, holds),
    )


@pytest.fixture(scope="session")
def shop() -> Shop:
    return shop_until(UNTIL)


@pytest.fixture(scope="session")
def until_day() -> Callable[..., Shop]:
    return shop_until
