"""The demo shop's web systems, loaded by Retain over HTTP: every record is in raw as it was simulated, and a day later the day's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from retain import loads, warehouse
from retain.cli.instance import DEMO_CONFIG, DEMO_TIMEZONE, yesterday
from retain.config import Settings, load_settings
from retain.demo.fill import fill
from retain.demo.serving import COLLECTIONS, Standing
from retain.embedded import free_port
from retain.sources import http_client

START, UNTIL = date(2023, 10, 1), date(2025, 8, 15)
# Collection, entity, source, and the column of the key.
OF_SYSTEMS = (
    ("storefront/customers", "customers", "storefront", "customer_id"),
    ("storefront/orders", "orders", "storefront", "order_id"),
    ("helpdesk/users", "customers", "helpdesk", "customer_id"),
    ("points/customers", "customers", "points", "customer_id"),
    ("helpdesk/tickets", "tickets", "helpdesk", "ticket_id"),
    ("points/points_transactions", "loyalty_entries", "points", "entry_id"),
    ("letters/events", "sends", "letters", "send_id"),
)


@dataclass
class Demo:
    settings: Settings
    folder: Path
    shop: dict[str, Any]
    standing: Standing
    start: date

    def fill(self, until: date) -> bool:
        folders = (self.folder / one for one in ("tills", "truth", "systems"))
        return fill(self.shop, *folders, start=self.start, until=until, customers=800).changed

    def things(self, name: str) -> list[dict[str, Any]]:
        lines = (self.folder / "systems" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def load(self, *sources: str, **options: Any) -> list[loads.LoadOutcome]:
        return loads.load_sources(self.settings, sources or tuple(COLLECTIONS), **options)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode()).fetchall()

    def keys(self, entity: str, source: str, *columns: str) -> set[tuple[str, ...]]:
        named = ", ".join(f"{column}::text" for column in columns)
        return set(self.ask(f"select {named} from raw.{entity} where source = '{source}' and not is_deleted"))


@contextmanager
def loaded(server: Any, folder: Path, start: date, until: date) -> Iterator[Demo]:
    """A demo shop in databases of its own, its web systems served and loaded."""
    port, names = free_port(), (f"{folder.name}_shop", folder.name)
    for name in names:
        server.create_database(name)
    shop, own = map(server.dsn, names)
    url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**own)
    text = DEMO_CONFIG.read_text().replace("  folder: ../../.retain/demo ", f"  url: {url}")
    (folder / "retain.yml").write_text(text)
    environment = {"RETAIN_SHOP_SYSTEMS": f"http://127.0.0.1:{port}", "RETAIN_SHOP_TILLS": str(folder / "tills")}
    environment |= {f"RETAIN_SHOP_{name.upper()}": str(shop[name]) for name in ("user", "password", "port")}
    settings = load_settings(folder / "retain.yml", environment)
    warehouse.prepare(settings)
    standing = Standing(folder / "systems", port)
    one = Demo(settings, folder, shop, standing, start)
    one.fill(until)
    outcomes = one.load()
    assert {(outcome.status, outcome.message) for outcome in outcomes} == {("published", "")}
    yield one
    standing.stop()


@pytest.fixture(scope="module")
def demo(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with loaded(server, tmp_path_factory.mktemp("demo_systems"), START, UNTIL) as one:
        yield one


def last(thing: dict[str, Any]) -> str:
    return str(thing["id"]).rpartition("/")[2]


def test_every_record_that_was_simulated_is_in_raw_and_none_besides(demo: Demo) -> None:
    orders = demo.things("storefront/orders")
    assert len(orders) > 20
    assert demo.keys("order_items", "storefront", "order_id", "line_id") == {
        (last(one), last(line)) for one in orders for line in one["lineItems"]
    }
    assert demo.keys("returns", "storefront", "return_id", "order_id") == {
        (last(refund), last(one)) for one in orders for refund in one["transactions"]
    }
    assert len(demo.keys("products", "storefront", "product_id")) == len(demo.things("storefront/products"))
    for name, entity, source, key in OF_SYSTEMS:
        assert demo.keys(entity, source, key) == {(last(one),) for one in demo.things(name)}, name
    (points,) = demo.ask("select sum(points)::int from raw.loyalty_entries")
    assert points == (sum(one["points_change"] for one in demo.things("points/points_transactions")),)
    (money,) = demo.ask("select sum(gross_amount - discount_amount) from raw.orders where source = 'storefront'")
    assert float(money[0]) == pytest.approx(
        sum(float(one["subtotalPriceSet"]["shopMoney"]["amount"]) for one in orders)
    )


def test_an_answer_off_its_scale_waits_in_quarantine_and_all_others_are_in_raw(demo: Demo) -> None:
    answers = [(one["id"], one["answers"][0]["rating"]) for one in demo.things("helpdesk/survey_responses")]
    (held,) = demo.ask("select count(*), min(reasons::text) from ops.quarantine where entity = 'feedback'")
    assert demo.keys("feedback", "helpdesk", "feedback_id") == {(key,) for key, score in answers if score <= 5}
    assert held[0] == sum(score > 5 for _, score in answers) > 0
    assert "score" in held[1]


def test_what_is_read_again_changes_nothing_and_a_day_later_comes_what_that_day_brought(demo: Demo) -> None:
    assert {one.rows_changed for one in demo.load()} == {0}
    assert not demo.fill(UNTIL)
    before = {
        name: len(demo.things(name)) for name in ("helpdesk/tickets", "points/points_transactions", "letters/events")
    }
    later = UNTIL + timedelta(days=60)
    assert demo.fill(later)
    # The shop's clock has leapt ahead and this machine's has not: what web systems are asked for by time is asked for anew.
    outcomes = {(one.source, one.entity): one for one in demo.load(full=True)}
    assert {one.status for one in outcomes.values()} == {"published"}
    after = {name: len(demo.things(name)) for name in before}
    assert all(after[name] > before[name] for name in before)
    assert outcomes["letters", "sends"].rows_changed == after["letters/events"] - before["letters/events"]
    new = after["points/points_transactions"] - before["points/points_transactions"]
    assert outcomes["points", "loyalty_entries"].rows_changed == new
    assert demo.keys("tickets", "helpdesk", "ticket_id") == {(last(one),) for one in demo.things("helpdesk/tickets")}
    statuses = {(last(one), one["status"]) for one in demo.things("helpdesk/tickets")}
    assert demo.keys("tickets", "helpdesk", "ticket_id", "status") == statuses


def test_on_the_next_day_only_what_is_new_is_asked_for_and_nothing_is_missed(server: Any, tmp_path: Path) -> None:
    """By this machine's own clock: a shop that was filled and loaded on a day, and again when the next one had ended."""
    until = yesterday(DEMO_TIMEZONE)
    with loaded(server, tmp_path, until - timedelta(days=600), until - timedelta(days=1)) as shop:
        assert shop.fill(until)
        outcomes = {(one.source, one.entity): one for one in shop.load()}
        assert {one.status for one in outcomes.values()} == {"published"}
        for name, entity, source, key in OF_SYSTEMS:
            things = shop.things(name)
            assert shop.keys(entity, source, key) == {(last(one),) for one in things}, name
            if entity != "customers":
                assert outcomes[source, entity].rows_sent < len(things) / 4, name
        statuses = {(last(one), one["status"]) for one in shop.things("helpdesk/tickets")}
        assert shop.keys("tickets", "helpdesk", "ticket_id", "status") == statuses
        expected = {(last(one), told(one)) for one in shop.things("storefront/orders")}
        assert shop.keys("orders", "storefront", "order_id", "status") == expected


def told(order: dict[str, Any]) -> str:
    return "cancelled" if order["cancelledAt"] else str(order["displayFinancialStatus"]).lower()


def test_systems_that_do_not_answer_fail_alone_and_in_a_sentence(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.01)
    demo.standing.stop()
    outcomes = demo.load("tills", "points", entities=["customers"])
    assert [(one.source, one.status) for one in outcomes if not one.is_retry] == [
        ("tills", "published"),
        ("points", "unreadable"),
    ]
    (failed,) = (one for one in outcomes if one.source == "points")
    assert failed.message.startswith("Source points: http://127.0.0.1:")
    assert "does not answer" in failed.message
    assert "made-up" not in failed.message
