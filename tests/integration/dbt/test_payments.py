"""Shop and payment provider tell of the same orders: what was paid is compared with them, and none is counted twice."""


def test_no_order_and_no_customer_is_made_of_a_payment(from_everything):
    assert from_everything.ask("select count(*) > 100 from marts.fct_payments where source = 'pay'") == [(True,)]
    assert from_everything.ask("select distinct source from marts.fct_orders order by 1") == [("till",), ("web",)]
    assert from_everything.ask("select count(*) from intermediate.int_identities where source = 'pay'") == [(0,)]


def test_every_payment_that_names_an_order_is_compared_once_and_adds_up(from_everything):
    assert from_everything.ask(
        "select (select sum(payments) from marts.order_payments) = count(*) from marts.fct_payments where order_id is not null"
    ) == [(True,)]
    assert from_everything.ask(
        "select count(*) from marts.order_payments as compared join lateral (select sum(received_amount) as received_amount "
        "from marts.fct_payments as paid where paid.order_source = compared.source and paid.order_id = compared.order_id) as paid "
        "on true where compared.received_amount is not null and compared.payments > 0 "
        "and compared.received_amount <> paid.received_amount"
    ) == [(0,)]


def test_an_order_of_the_shop_is_there_once_whether_it_was_paid_here_or_not(from_everything):
    """All since the first payment of its shop, and those from before that were paid here all the same."""
    assert from_everything.ask(
        "with since as (select order_source, min(happened_on) as day from marts.fct_payments where is_order_known group by 1) "
        "select count(*) from marts.fct_orders as orders join since on since.order_source = orders.source "
        "where orders.ordered_on >= since.day "
        "and (select count(*) from marts.order_payments as one where one.order_key = orders.order_key) <> 1"
    ) == [(0,)]


def test_every_state_of_a_payment_is_met(from_everything):
    states = {row[0] for row in from_everything.ask("select distinct payment_state from marts.order_payments")}
    assert states == {"settled", "no payment", "paid short", "paid over", "other currency", "order unknown"}
