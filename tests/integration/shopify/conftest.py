"""A warehouse that loads the shop of examples/shopify/retain.yml from a fake Shopify."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from vendors.server import running
from vendors.shopify import CLIENT, SECRET, Shopify, customer, order, product

from retain import loads, warehouse
from retain.config import Settings, load_settings
from retain.sources import http_client, shopify_bulk, shopify_graphql

EXAMPLE = Path(__file__).parents[3] / "examples" / "shopify" / "retain.yml"
DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


@dataclass
class Shop:
    vendor: Shopify
    settings: Settings

    def load(self) -> dict[str, loads.LoadOutcome]:
        return {one.entity: one for one in loads.load_sources(self.settings, ["shopify"]) if not one.is_retry}

    def load_one(self, entity: str, **options: Any) -> loads.LoadOutcome:
        return loads.load_entity(self.settings, "shopify", entity, **options)

    def ids(self, entity: str, key: str) -> set[str]:
        return {row[0] for row in self.ask(f"select {key} from raw.{entity} where not is_deleted")}

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode()).fetchall()

    def configure(self, old: str, new: str) -> None:
        text = self.settings.path.read_text()
        assert old in text
        self.settings.path.write_text(text.replace(old, new))
        self.settings = load_settings(self.settings.path)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shopify]:
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(shopify_bulk, "FIRST_POLL_SECONDS", 0.01)
    monkeypatch.setattr(shopify_graphql, "FAILED_SECONDS", 0.01)
    for name, value in (("SHOP", "my-shop"), ("CLIENT_ID", CLIENT), ("CLIENT_SECRET", SECRET)):
        monkeypatch.setenv(f"SHOPIFY_{name}", value)
    with running(Shopify()) as one:
        yield one


@pytest.fixture
def shop(vendor: Shopify, write_config: Any) -> Shop:
    text = (
        EXAMPLE.read_text()
        .partition("\nsources:\n")[2]
        .replace("    type: shopify\n", f"    type: shopify\n    url: {vendor.url}\n")
    )
    settings = load_settings(write_config(text))
    warehouse.prepare(settings)
    vendor.put("products", product(7, (71, 72)), DAY)
    for number in range(1, 4):
        vendor.put("customers", customer(number), DAY)
    for number in range(101, 106):
        vendor.put("orders", order(number, of_customer=number - 100 if number < 104 else None), DAY)
    return Shop(vendor, settings)
