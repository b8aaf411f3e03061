"""A warehouse that loads from a fake vendor, described by nothing but its type and what that needs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from vendors.server import Vendor, running

from retain import loads, warehouse
from retain.config import Settings, load_settings
from retain.sources import http_client


@dataclass
class Described:
    """The vendor, and the warehouse that loads from it as source `one`."""

    vendor: Any
    settings: Settings

    def load(self, entity: str, **options: Any) -> loads.LoadOutcome:
        return loads.load_entity(self.settings, "one", entity, **options)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode()).fetchall()

    def does_not_add_up(self) -> list[tuple[Any, ...]]:
        return self.ask("select * from ops.reconciliation where difference <> 0")


@pytest.fixture
def described(write_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Described]]:
    """Start a vendor and a warehouse: `described(vendor, "smile", "/v1", token="...", more="  rate: ...")`."""
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.01)
    served = []

    def made(vendor: Vendor, kind: str, root: str, more: str = "", /, **needs: str) -> Described:
        one = running(vendor)
        one.__enter__()
        served.append(one)
        lines = [f"    {key}: {value}" for key, value in {"type": kind, "url": vendor.url + root, **needs}.items()]
        text = "  - name: one\n" + "\n".join(lines) + f"\n    rate: {{requests: 1000}}\n{more}"
        settings = load_settings(write_config(text))
        warehouse.prepare(settings)
        return Described(vendor, settings)

    yield made
    for one in served:
        one.__exit__(None, None, None)
