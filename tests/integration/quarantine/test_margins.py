"""What an order earned is unknown while a line of it is held: neither a wrong margin nor a wrong total until it is released."""

from decimal import Decimal

import pytest

from retain import transform, warehouse
from retain.basis import basis_of
from retain.config import load_settings
from retain.decisions import discard, release
from retain.loads import load_sources

SOURCES = """\
  - name: shop
    type: files
    folder: files
    timezone: UTC
    entities:
      orders:
        files: "orders*.csv"
        fields: {order_id: id, customer_id: customer, ordered_at: at, gross_amount: amount}
        defaults: {status: paid, currency: EUR}
      order_items:
        files: "lines*.csv"
        fields: {order_id: order, line_id: line, quantity: quantity, gross_amount: amount, cost_amount: cost}
"""
# The second line of o1, and the only one of o2, are of less than nothing; a line of o3 has no number.
LINES = [
    "o1,1,1,60.00,25.00", "o1,2,1,-40.00,15.00", "o2,1,1,-9.00,4.00",
    "o3,1,1,50.00,20.00", "o3,,1,0.00,5.00", "o4,1,1,80.00,30.00",
]  # fmt: skip


@pytest.fixture
def shop(write_config, tmp_path):
    settings = load_settings(write_config(SOURCES, currency="EUR", extra="as_of: 2025-06-30\n"))
    folder = tmp_path / "files"
    folder.mkdir()
    orders = "".join(f"o{n},c1,2025-0{n}-01 10:00,{amount}\n" for n, amount in enumerate([100, 9, 50, 80], 1))
    (folder / "orders.csv").write_text(f"id,customer,at,amount\n{orders}")
    (folder / "lines.csv").write_text("order,line,quantity,amount,cost\n" + "".join(f"{line}\n" for line in LINES))
    warehouse.prepare(settings)
    load_sources(settings, ["shop"])
    return settings


def ask(settings, statement):
    with warehouse.connect(settings) as connection:
        return connection.execute(statement).fetchall()


def held(settings):
    return dict(ask(settings, "select record_key, quarantine_id from ops.quarantine where status = 'open'"))


def margins(settings):
    transform.build(settings, select="+fct_orders")
    orders = ask(
        settings, "select order_id, has_held_lines, net_amount, margin_amount from marts.fct_orders order by 1"
    )
    return {order: (has_held, net, margin) for order, has_held, net, margin in orders}


def test_the_margin_of_an_order_is_unknown_until_its_held_lines_are_decided(shop):
    entries = held(shop)
    assert set(entries) == {"o1/2", "o2/1", "o3"}
    known = {"o4": (False, Decimal(80), Decimal(50))}
    assert margins(shop) == known | {
        "o1": (True, Decimal(100), None),
        "o2": (True, Decimal(9), None),
        "o3": (True, Decimal(50), None),
    }
    release(shop, [entries["o1/2"]], "goods taken back at the till", "Ani")
    discard(shop, [entries["o2/1"], entries["o3"]], "typed twice", "Ani")
    assert margins(shop) == known | {
        "o1": (False, Decimal(100), Decimal(60)),
        "o2": (False, Decimal(9), None),
        "o3": (False, Decimal(50), Decimal(30)),
    }


def test_what_is_held_or_discarded_is_news_to_a_build(shop):
    def now():
        with warehouse.connect(shop) as connection:
            return basis_of(shop, connection).records

    before = now()
    assert now() == before
    discard(shop, [held(shop)["o2/1"]], "typed twice", "Ani")
    assert now() != before
