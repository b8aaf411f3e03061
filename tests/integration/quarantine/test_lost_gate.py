"""The gate's tables are not logged: a server that dies between judging and publishing empties them, and nothing may be lost by it."""

import pytest

from retain import loads
from retain.gate import judge
from retain.landing import land_changes
from retain.publish import publish_load

ORDERS = "id,customer,at,amount,currency,changed\n"


@pytest.mark.parametrize(
    "what_is_left", ["truncate gate.load_{0}, gate.load_{0}_failures", "truncate gate.load_{0}_failures"]
)
def test_a_load_whose_gate_was_emptied_is_judged_again_before_it_is_published(shop, what_is_left):
    shop.write("orders-1.csv", ORDERS + "o1,c1,2025-01-01 10:00,1,EUR,\no2,c1,2025-01-01 10:00,x,EUR,\n")
    loads.load_entity(shop.settings, "shop", "customers")
    load_id = land_changes(shop.settings, "shop", "orders").load_id
    judge(shop.settings, load_id)
    shop.do(what_is_left.format(load_id))
    done = publish_load(shop.settings, load_id)
    assert (done.rows_changed, done.rows_quarantined) == (1, 1)
    assert shop.orders() == [("o1", "1.0000")]
    assert set(shop.open_entries()) == {"o2"}
    assert shop.does_not_add_up() == []
