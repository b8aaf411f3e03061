"""Rows that group_by puts together: what one of them says counts, what they contradict each other in is held, nothing by the alphabet."""

import pytest

from retain import warehouse
from retain.config import load_settings
from retain.loads import load_entity

SOURCE = """\
  - name: tills
    type: files
    folder: files
    timezone: Europe/London
    date_order: MDY
    entities:
      orders:
        files: lines.csv
        group_by: [Invoice]
        fields:
          order_id: Invoice
          customer_id: CUSTOMER
          ordered_at: Sold at
          status: STATUS
          gross_amount: sum(price::numeric)
          channel: Channel
        defaults: {currency: EUR}
"""
HEADER = "Invoice,Customer,Sold at,Channel,price\n"


@pytest.fixture
def tills(write_config, tmp_path):
    """Load these lines; answers orders as (id, customer, UTC minute, amount) and open quarantine entries as {key: reasons}."""
    (tmp_path / "files").mkdir()

    def load(lines, customer="Customer", status="\"'paid'\"", where=None, change=str):
        text = change(SOURCE.replace("CUSTOMER", customer).replace("STATUS", status))
        text += f"        where: {where}\n" if where else ""
        settings = load_settings(write_config(text))
        warehouse.prepare(settings)
        (tmp_path / "files" / "lines.csv").write_text(HEADER + "".join(f"{line}\n" for line in lines))
        outcome = load_entity(settings, "tills", "orders")
        with warehouse.connect(settings) as connection:
            orders = connection.execute(
                "select order_id, customer_id, to_char(ordered_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), gross_amount::text, "
                "channel from raw.orders order by 1"
            ).fetchall()
            held = connection.execute("select record_key, reasons from ops.quarantine where status = 'open'").fetchall()
        return orders, dict(held), outcome

    return load


def test_what_only_the_first_line_of_an_order_says_holds_for_the_order(tills):
    orders, held, _ = tills(["1,ann,1/5/2024 9:00,web,10.00", "1,,,,2.50", "1, ,,,0.50"])
    assert orders == [("1", "ann", "2024-01-05 09:00", "13.0000", "web")]
    assert held == {}


def test_an_order_that_was_rung_up_over_midnight_begins_when_its_first_line_does(tills):
    orders, held, _ = tills(
        [
            "1,ann,1/1/2011 0:00,web,1",
            "1,ann,12/31/2010 23:59,web,1",
            "2,ann,6/1/2011 10:00,web,1",
            "2,ann,6/1/2011 9:59,web,1",
        ]
    )
    assert [(order[0], order[2]) for order in orders] == [("1", "2010-12-31 23:59"), ("2", "2011-06-01 08:59")]
    assert held == {}


def test_a_line_whose_moment_cannot_be_read_is_not_passed_over_for_one_that_can(tills):
    orders, held, _ = tills(["1,ann,1/1/2011 8:00,web,1", "1,ann,31/31/2011 8:00,web,1", "2,ann,1/1/2011 8:00,web,1"])
    assert [order[0] for order in orders] == ["2"]
    assert held == {"1": ["ordered_at is not a moment that exists, such as 2025-03-01 17:45:00"]}


def test_lines_of_different_customers_are_never_one_order_of_the_first_by_the_alphabet(tills):
    lines = ["1,bob,1/1/2011 8:00,web,1", "1,ann,1/1/2011 8:00,shop,1", "2,ann,1/1/2011 8:00,web,1"]
    orders, held, _ = tills(lines)
    assert [order[0] for order in orders] == ["2"]
    (reason,) = held["1"]
    assert "customer_id: the rows that group_by puts together have different values" in reason
    assert "ann" not in reason
    assert "bob" not in reason
    orders, held, _ = tills(lines, customer="'min(\"Customer\")'")
    assert [order[:2] + order[4:] for order in orders] == [("1", "ann", "shop"), ("2", "ann", "web")]
    assert held == {}


def test_what_is_grouped_by_may_stand_in_an_expression_with_quotes_or_without(tills):
    for status in (
        "\"case when Invoice like 'C%' then 'cancelled' else 'paid' end\"",
        "'case when \"Invoice\" like ''C%'' then ''cancelled'' else ''paid'' end'",
    ):
        orders, held, _ = tills(["C1,ann,1/1/2011 8:00,web,1", "C1,ann,1/1/2011 8:00,web,1"], status=status)
        assert [order[0] for order in orders] == ["C1"]
        assert held == {}


def test_a_column_that_is_not_made_one_value_of_is_refused_with_what_to_write(tills):
    orders, _, outcome = tills(["1,ann,1/1/2011 8:00,web,1"], status="\"case Channel when 'web' then 'paid' end\"")
    assert orders == []
    assert outcome.status == "unreadable"
    assert "an expression makes one value of several rows: sum(price::numeric), min(state)" in outcome.message
    assert "Only what is grouped by stands as it is, written as there: Invoice" in outcome.message


@pytest.mark.parametrize("written", ["customer", "CUSTOMER", "'\"Customer\"'"])
def test_a_column_is_one_however_sql_lets_it_be_written(tills, written):
    orders, held, _ = tills(["1,ann,1/1/2011 8:00,web,1", "1,,1/1/2011 8:00,web,2"], customer=written)
    assert [order[:2] for order in orders] == [("1", "ann")]
    assert held == {}


@pytest.mark.parametrize("group_by", [True, False])
def test_a_row_of_which_where_cannot_tell_whether_it_counts_is_held_and_the_others_are_loaded(tills, group_by):
    def ungrouped(text):
        return text.replace("        group_by: [Invoice]\n", "").replace("sum(price::numeric)", "price")

    orders, held, _ = tills(
        [
            "1,ann,1/1/2011 8:00,web,5",
            "2,ann,1/1/2011 8:00,web,n/a",
            "3,ann,1/1/2011 8:00,web,-1",
            "4,ann,1/1/2011 8:00,web,",
        ],
        where="price::numeric > 0",
        change=str if group_by else ungrouped,
    )
    assert [(order[0], order[3]) for order in orders] == [("1", "5.0000")]
    assert set(held) == {"2", "4"}
    assert 'the record could not be read: where: invalid input syntax for type numeric: "n/a"' in " ".join(held["2"])


def test_what_rows_cannot_be_grouped_by_is_refused_in_a_sentence(tills):
    orders, held, outcome = tills(
        ["1,ann,1/1/2011 8:00,web,5", "x,ann,1/1/2011 8:00,web,5"],
        change=lambda text: text.replace("[Invoice]", '["Invoice::int"]').replace(
            "order_id: Invoice", "order_id: Invoice::int"
        ),
    )
    assert (orders, held, outcome.status) == ([], {}, "unreadable")
    assert "orders.group_by: Invoice::int cannot be evaluated for some row" in outcome.message


def test_blanks_around_what_is_grouped_by_make_no_second_group(tills):
    orders, held, _ = tills(
        ["13 ,ann,1/5/2024 9:00,web,5.00", " 13,ann,1/5/2024 9:00,web,5.00", "14,ann,1/5/2024 9:00,web,1"]
    )
    assert [(order[0], order[3]) for order in orders] == [("13", "10.0000"), ("14", "1.0000")]
    assert held == {}
