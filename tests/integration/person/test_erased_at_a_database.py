"""A source whose keys are compared: somebody who was erased and is still there is neither new nor gone."""

import pytest

from retain import transform
from retain.deletions import mark_deleted
from retain.person import erasure, proof


@pytest.fixture
def erased(database_shop):
    database_shop.load()
    transform.build(database_shop.settings, select="+dim_customers +identity_merges")
    erasure.erase(database_shop.settings, "shop:c7", "as asked", "officer")
    return database_shop


def test_the_comparison_of_keys_knows_who_was_erased(erased):
    compared = mark_deleted(erased.settings, "shop", "customers")
    assert (compared.missing, compared.unread, compared.refusal) == (0, 0, "")
    assert erased.ask("select count(*) from raw.customers where is_deleted or customer_id = 'c7'") == [(0,)]
    assert erased.ask("select count(*) from ops.unread_records") == [(0,)]


def test_an_order_that_changes_at_the_source_stays_without_a_name(erased):
    erased.change("update orders set amount = '99.00', changed = now() where customer = 'c7'")
    erased.load()
    assert erased.ask(
        "select gross_amount::int, customer_id like 'erased-%%' from raw.orders where order_id = 'o7'"
    ) == [(99, True)]
    assert erased.does_not_add_up() == []
    assert proof.prove(erased.settings, "p7@x.am").is_clean
    assert proof.prove(erased.settings, "shop:c7").is_clean
