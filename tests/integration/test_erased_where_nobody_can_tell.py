"""Somebody is erased also from rows of which the condition of retain.yml cannot tell whether they count."""

from retain import transform
from retain.person import erasure, proof

ORDERS = "id,customer,at,amount,currency,changed\n"


def test_rows_on_which_the_condition_raises_are_emptied_like_those_that_count(shop):
    shop.configure(
        "        defaults: {status: paid}", "        where: amount::numeric > 0\n        defaults: {status: paid}"
    )
    lines = [
        "o1,c1,2025-01-01,5,EUR,",
        "o2,c1,2025-01-02,n/a,EUR,",
        "o3,c1,2025-01-03,-1,EUR,",
        "o4,c2,2025-01-04,7,EUR,",
    ]
    shop.write("orders-1.csv", ORDERS + "".join(f"{line}\n" for line in lines))
    shop.load()
    assert (shop.orders(), set(shop.open_entries())) == ([("o1", "5.0000"), ("o4", "7.0000")], {"o2"})
    transform.build(shop.settings, select="+dim_customers +identity_merges")
    erasure.erase(shop.settings, "shop:c1", "as asked", "officer")
    assert shop.ask("select id, customer from landing.shop__orders where customer is not null") == [("o4", "c2")]
    assert shop.ask("select distinct customer_id like 'erased-%%' from raw.orders where order_id = 'o1'") == [(True,)]
    assert proof.prove(shop.settings, "a@x.am").is_clean
    assert proof.prove(shop.settings, "shop:c1").is_clean
    shop.load(full=True)
    assert (shop.orders(), shop.does_not_add_up()) == ([("o1", "5.0000"), ("o4", "7.0000")], [])
