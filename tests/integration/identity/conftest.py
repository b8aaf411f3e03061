"""Accounts and orders written into raw, and the identity models built over them, incrementally or whole."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retain import warehouse
from retain.config import Settings, load_settings
from retain.transform import arguments, run_dbt

SOURCES = """\
  - name: shop
    type: files
    folder: .
    entities:
      customers:
        files: "none.csv"
        fields: {customer_id: id}
"""
MODELS = (
    "int_orders_dated",
    "int_identities",
    "int_identity_links",
    "int_identity_components",
    "int_customer_identities",
)
CUSTOMER = ("source", "customer_id", "email", "phone", "loyalty_card", "registered_at", "accepts_marketing")
ORDER = ("source", "order_id", "customer_id", "email", "loyalty_card", "ordered_at")


@dataclass
class People:
    """A warehouse in which accounts and guests come, change and go."""

    settings: Settings
    is_begun: bool = False

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def do(self, statement: str, *values: Any) -> None:
        with warehouse.connect(self.settings) as connection:
            connection.execute(statement.encode(), values or None)

    def account(self, name: str, *, since: str = "2025-01-01", **said: Any) -> None:
        """An account `source:id`, new or changed; `email`, `phone`, `loyalty_card` and `accepts_marketing` of it."""
        source, _, number = name.partition(":")
        row = {"source": source, "customer_id": number, "registered_at": f"{since} 12:00+00", **said}
        if row.get("phone"):
            self.do("insert into raw.phone_numbers values (%s, %s) on conflict do nothing", row["phone"], row["phone"])
        self._write("customers", CUSTOMER, "customer_id", row)

    def guest(self, name: str, on: str, **said: Any) -> None:
        """An order `source:number` without an account, by whoever gave `email` or `loyalty_card`."""
        source, _, number = name.partition(":")
        row = {"source": source, "order_id": number, "ordered_at": f"{on} 12:00+00", **said}
        self._write("orders", ORDER, "order_id", row, status="paid", currency="EUR", gross_amount=10)

    def _write(self, table: str, columns: Iterable[str], key: str, row: dict[str, Any], **more: Any) -> None:
        values = {**dict.fromkeys(columns), **row, **more, "_load_id": 1}
        names = ", ".join(values)
        marks = ", ".join(f"%({name})s" for name in values)
        changes = ", ".join(f"{name} = excluded.{name}" for name in values)
        with warehouse.connect(self.settings) as connection:
            connection.execute(
                f"insert into raw.{table} ({names}) values ({marks}) on conflict (source, {key}) do update set {changes}".encode(),
                values,
            )

    def build(self, more: str = "", *, full_refresh: bool = False) -> None:
        """Run the identity models, and `more`; their data tests run with every other build."""
        if not self.is_begun:
            run_dbt(self.settings, [*arguments(self.settings, "run"), "--select", "+int_identities"])
            self.is_begun = True
        refresh = ["--full-refresh"] if full_refresh else []
        select = [*MODELS, *more.split()]
        run_dbt(self.settings, [*arguments(self.settings, "run"), "--select", *select, *refresh])

    def configure(self, **changes: Any) -> None:
        self.settings = self.settings.model_copy(update={"identity": self.settings.identity.model_copy(update=changes)})

    def as_of(self, day: Any) -> None:
        self.settings = self.settings.model_copy(update={"as_of": day})

    def resolved(self) -> list[tuple[Any, ...]]:
        """Everything that is known of who is whom, but when it was found."""
        return self.ask(
            "select source_id, root_id, cluster_id, groups, evidence from intermediate.int_identity_components order by 1"
        )

    def customers(self) -> set[frozenset[str]]:
        rows = self.ask(
            "select array_agg(source_id::text) from intermediate.int_customer_identities group by customer_key"
        )
        return {frozenset(names) for (names,) in rows}

    def key_of(self, name: str) -> Any:
        [(key,)] = self.ask("select customer_key from intermediate.int_customer_identities where source_id = %s", name)
        return key

    def log(self) -> list[tuple[Any, ...]]:
        return self.ask(
            "select event, rule, source_id, joined_to_source_id, identifier_masked "
            "from intermediate.int_identity_merge_log order by logged_at, event, source_id"
        )


@pytest.fixture
def people(write_config: Callable[..., Path]) -> People:
    one = People(load_settings(write_config(SOURCES)))
    warehouse.prepare(one.settings)
    return one
