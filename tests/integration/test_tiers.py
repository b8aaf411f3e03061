"""Which tier an account had when: from every version that was accepted, in whatever order and how often they come."""

import pytest

from retain import loads, warehouse
from retain.config import load_settings
from retain.replay import replay

DATED = """\
  - name: shop
    type: files
    folder: files
    timezone: UTC
    entities:
      customers:
        files: "customers*.csv"
        fields: {customer_id: id, tier: tier, changed_at: changed, registered_at: since}
"""
HISTORY = "select customer_id, to_char(held_from at time zone 'UTC', 'YYYY-MM-DD'), tier from raw.customer_tiers order by 1, 2"


@pytest.fixture
def shop(write_config, tmp_path):
    (tmp_path / "files").mkdir()

    class Shop:
        settings = load_settings(write_config(DATED))

        def send(self, name, *rows, header="id,tier,changed,since"):
            lines = "".join(f"{row}\n" for row in rows)
            (tmp_path / "files" / f"customers-{name}.csv").write_text(f"{header}\n{lines}")
            (outcome,) = loads.load_sources(self.settings, ["shop"])
            return outcome

        def history(self):
            with warehouse.connect(self.settings) as connection:
                return connection.execute(HISTORY).fetchall()

    one = Shop()
    warehouse.prepare(one.settings)
    return one


def test_every_version_of_an_account_says_from_when_it_had_which_tier(shop):
    shop.send("1", "a,silver,2025-01-01,", "b,,2025-01-01,", "c,gold,2025-01-01,", "c,,2025-01-05,")
    shop.send("2", "a,gold,2025-02-01,", "b,,2025-02-01,")
    shop.send("3", "a,platinum,2025-01-15,")  # late: it came after what it was before
    assert shop.history() == [
        ("a", "2025-01-01", "silver"),
        ("a", "2025-01-15", "platinum"),
        ("a", "2025-02-01", "gold"),
        ("c", "2025-01-01", "gold"),
        ("c", "2025-01-05", None),
    ]


def test_a_version_that_the_gate_holds_back_says_nothing(shop):
    shop.send("1", "a,silver,2025-01-01,")
    assert shop.send("2", "a,gold,2025-02-01,2999-01-01").rows_quarantined == 1
    assert shop.history() == [("a", "2025-01-01", "silver")]


def test_the_history_is_rebuilt_from_landing_and_a_second_time_changes_nothing(shop):
    shop.send("1", "a,silver,2025-01-01,", "c,gold,2025-01-01,", "c,,2025-01-05,")
    shop.send("2", "a,gold,2025-02-01,")
    before = shop.history()
    replay(shop.settings)
    assert shop.history() == before
    with warehouse.connect(shop.settings) as connection:
        connection.execute("truncate raw.customer_tiers, raw.customers")
    replay(shop.settings)
    assert shop.history() == before


def test_without_times_of_change_a_tier_holds_from_the_load_that_first_said_it(shop):
    for number, tier in enumerate(["silver", "silver", "gold", "gold"]):
        shop.send(str(number), f"a,{tier},,")
    assert [tier for _, _, tier in shop.history()] == ["silver", "gold"]
