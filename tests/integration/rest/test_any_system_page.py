"""Every example of docs/sources/any-system.md, loaded as it stands there from a system that answers as it says."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from vendors.any_system import CLIENT, SECRET, AnySystem
from vendors.server import running

from retain import loads, warehouse
from retain.config import load_settings

PAGE = Path(__file__).parents[3] / "docs" / "sources" / "any-system.md"
EXAMPLES = {
    re.search(r"name: (\w+)", text)[1]: text for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
}
ENVIRONMENT = {
    **dict.fromkeys(("CRM_TOKEN", "POINTS_KEY", "STOCK_PASSWORD", "TILLS_SECRET", "RETURNS_KEY"), SECRET),
    **dict.fromkeys(("STOCK_USER", "TILLS_CLIENT"), CLIENT),
}
AT = datetime(2025, 3, 1, 9, tzinfo=UTC)

# Of each system: what its documentation would say, a record, and what of it is in raw.
SYSTEMS = {
    "crm": (
        AnySystem("page", "bearer", root="/api/v2/", since="updated_from", until="updated_to", size_name="per_page"),
        "contacts",
        '{"id": N, "name": "Ani", "contact": {"email": "N@x.am", "phone": "+3749100000N"}, "duplicate_of": 7, '
        '"updated_at": "2025-03-01T09:00:00Z"}',
        ("customers", "customer_id, email, full_name, merged_into", ("N", "N@x.am", "Ani", "7")),
    ),
    "loyalty": (
        AnySystem("cursor", "header", root="/", items="members", next="paging.after"),
        "members",
        '{"card": "L-N", "email": "N@x.am", "level": "GOLD"}',
        ("customers", "customer_id, loyalty_card, tier", ("L-N", "L-N", "gold")),
    ),
    "stock": (
        AnySystem("link_header", "basic", root="/rest/", items=None, since="changed_since", size_name="limit"),
        "articles",
        '{"sku": "s-N", "title": "Cap", "price": {"amount": 4.50, "currency": "EUR"}}',
        ("products", "product_id, price::text, currency", ("s-N", "4.5000", "EUR")),
    ),
    "tills": (
        AnySystem(
            "next_link", "client_credentials", root="/v1/", items="receipts", next="links.next", more="has_more",
            since="modified_after", until="modified_before", has_link_at_end=True,
        ),
        "receipts",
        '{"number": N, "buyer": {"mobile": "09121234567"}, "issued": "2025-03-01T12:30:00", "total": 1250, "state": "closed", '
        '"modified": "2025-03-01T12:30:00"}',
        ("orders", "order_id, gross_amount::text, status, ordered_at", ("N", "12500.0000", "paid", AT)),
    ),
    "returns_desk": (
        AnySystem(
            "offset", "query", root="/api/", items="results", since="from", until="to", offset_name="skip", size_name="take",
            key_name="key",
        ),
        "cases",
        '{"id": "r-N", "order": {"number": "1"}, "closed_at": "2025-03-01T09:00:00Z", "amount": "12.30"}',
        ("returns", "return_id, order_id, amount::text", ("r-N", "1", "12.3000")),
    ),
    "helpdesk": (
        AnySystem("page", "bearer", since="from", until="to"),
        "cases/search",
        '{"id": N, "opened": "2025-03-01T09:00:00Z", "state": "HOLD", "updated": "2025-03-01T09:00:00Z"}',
        ("tickets", "ticket_id, status, opened_at", ("N", "hold", AT)),
    ),
    "wholesale": (
        AnySystem("cursor", "bearer"),
        "invoices",
        '{"id": N, "lines": [{"line": 1, "qty": 2, "amount": 5.50}], "updated": "2025-03-01T09:00:00Z"}',
        ("order_items", "order_id, line_id, quantity::text, gross_amount::text", ("N", "1", "2.0000", "5.5000")),
    ),
    "bank": (
        AnySystem("none", "none", root="/", items="rates"),
        "rates",
        '{"code": "AMD", "day": "2025-03-0N", "rate": 0.00241000}',
        ("exchange_rates", "rate_on::text, rate::text", ("2025-03-0N", "0.00241000")),
    ),
}  # fmt: skip


@pytest.fixture
def configured(write_config, monkeypatch):
    """A warehouse over one example; `changes` are what a test's machine needs in the place of the internet."""

    def configured(name, *changes):
        for variable, value in ENVIRONMENT.items():
            monkeypatch.setenv(variable, value)
        text = EXAMPLES[name]
        for old, new in changes:
            assert re.search(old, text)
            text = re.sub(old, new, text)
        settings = load_settings(write_config(text, currency="IRR" if "IRR" in text else "EUR"))
        warehouse.prepare(settings)
        return settings

    return configured


def raw(settings, entity, columns):
    with warehouse.connect(settings) as connection:
        return connection.execute(f"select {columns} from raw.{entity} where not is_deleted order by 1").fetchall()


def test_every_example_of_the_page_is_tried():
    assert set(EXAMPLES) == {*SYSTEMS, "crm24", "sepehr"}


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_api_is_read_as_the_page_says(name, configured):
    system, path, record, (entity, columns, row) = SYSTEMS[name]
    numbers = [str(number) for number in range(1, 6)]
    for number in numbers:
        system.put(path, number, AT, record.replace("N", number))
    with running(system):
        settings = configured(
            name, *([(r"https://login[^/]*", system.url)] if name == "tills" else []), (r"https://[^/\s]*", system.url)
        )
        if entity in ("returns", "order_items"):
            with warehouse.connect(settings) as connection:
                connection.execute(
                    "insert into raw.orders (source, order_id, ordered_at, status, currency, gross_amount, _load_id) "
                    "select %s, number::text, %s, 'paid', 'EUR', 90, 0 from generate_series(1, 5) as number",
                    [name, AT - timedelta(days=3)],
                )
        first = loads.load_entity(settings, name, entity)
        assert (first.status, first.rows_quarantined, first.warnings) == ("published", 0, ()), first.message
        expected = [tuple(v.replace("N", number) if isinstance(v, str) else v for v in row) for number in numbers]
        assert raw(settings, entity, columns) == expected
        assert loads.load_entity(settings, name, entity).rows_changed == 0


def test_a_database_is_read_as_the_page_says(configured, tmp_path):
    connection = sqlite3.connect(tmp_path / "crm24.db")
    with connection:
        connection.execute("create table persons (person_id, first_name, last_name, mobile, modified, is_deleted)")
        connection.execute("insert into persons values (1, 'Ani', 'Sargsyan', null, '2025-03-01 09:00:00', 0)")
        connection.execute("insert into persons values (2, 'Gone', 'Away', null, '2025-03-01 09:00:00', 1)")
    connection.close()
    settings = configured("crm24")
    assert loads.load_entity(settings, "crm24", "customers").status == "published"
    assert raw(settings, "customers", "customer_id, full_name") == [("1", "Ani Sargsyan")]


def test_an_export_is_read_as_the_page_says(configured, tmp_path):
    (tmp_path / "exports").mkdir()
    settings = configured("sepehr")
    with warehouse.connect(settings) as connection:
        connection.execute(
            "insert into raw.orders (source, order_id, ordered_at, status, currency, gross_amount, _load_id) "
            "values ('sepehr', '77', '2025-02-01', 'paid', 'IRR', 90000, 0)"
        )
    text = "ticket;invoice;closed;amount;subject\n5;77;2025-03-01 12:30;1200;بازگشت کالا\n".replace("ی", "ي")
    (tmp_path / "exports" / "refunds-1.csv").write_text(text, encoding="cp1256")
    assert loads.load_entity(settings, "sepehr", "returns").status == "published"
    assert raw(settings, "returns", "return_id, amount::text, reason") == [("5", "12000.0000", "بازگشت کالا")]
