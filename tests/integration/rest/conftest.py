"""A warehouse that loads orders from a fake system of no vendor in particular."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from vendors.any_system import SECRET, AnySystem
from vendors.server import running

from retain import loads, warehouse
from retain.config import Settings, load_settings
from retain.sources import http_client

CONFIG = """\
  - name: crm
    type: rest
    url: URL/api
    auth: {type: bearer, token: "${CRM_TOKEN}"}
    overlap_minutes: 10
    settle_minutes: 1
    entities:
      orders:
        path: orders
        records: data.items
        window: {since: since, until: until, cursor: updated}
        paging: {style: page}
        fields: {order_id: id, email: buyer.email, ordered_at: placed, gross_amount: total, currency: currency,
                 status: lower(state), changed_at: updated}
"""
DAY = datetime(2025, 3, 1, 12, tzinfo=UTC)


def order(key: object, at: datetime = DAY, total: str = "10.10", **more: str) -> str:
    """The JSON of an order: `key` stands in it as it is given, so that a number is a number."""
    extra = "".join(f', "{name}": {value}' for name, value in more.items())
    return (
        f'{{"id": {key}, "buyer": {{"email": "a@x.am"}}, "placed": "2025-03-01T09:00:00Z", "total": {total}, "currency": "EUR", '
        f'"state": "PAID", "updated": "{at.isoformat()}"{extra}}}'
    )


@dataclass
class Crm:
    """The system, and the warehouse that loads from it."""

    system: AnySystem
    settings: Settings

    def put(self, key: object, at: datetime = DAY, total: str = "10.10", **more: str) -> None:
        self.system.put("orders", str(key), at, order(key, at, total, **more))

    def fill(self, count: int) -> None:
        for number in range(1, count + 1):
            self.put(number, DAY + timedelta(seconds=number // 3))  # three of each second: ties across pages

    def load(self, **options: Any) -> loads.LoadOutcome:
        return loads.load_entity(self.settings, "crm", "orders", **options)

    def raw(self) -> dict[str, str]:
        """Amount by order."""
        return dict(self.ask("select order_id, gross_amount::text from raw.orders where not is_deleted"))

    def there(self) -> set[str]:
        return set(self.system.records["orders"])

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode()).fetchall()

    def configure(self, old: str, new: str) -> None:
        text = self.settings.path.read_text()
        assert old in text
        self.settings.path.write_text(text.replace(old, new))
        self.settings = load_settings(self.settings.path)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[AnySystem]:
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setenv("CRM_TOKEN", SECRET)
    with running(AnySystem()) as one:
        one.records["orders"] = {}
        yield one


@pytest.fixture
def crm(system: AnySystem, write_config: Any) -> Crm:
    one = Crm(system, load_settings(write_config(CONFIG.replace("URL", system.url))))
    warehouse.prepare(one.settings)
    return one
