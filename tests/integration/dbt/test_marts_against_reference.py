"""Every cell of the main marts, against a second computation from the raw orders by the definitions."""

import math
from decimal import Decimal

import pytest
import reference_marts as reference
from small_shop import ACTIVE_DAYS, AS_OF, known_on


@pytest.fixture(scope="module")
def bought(shop):
    return reference.occasions(known_on(shop, AS_OF))


def test_the_small_shop_has_what_makes_counting_hard(shop, bought):
    known = known_on(shop, AS_OF)
    people = reference.people(known)
    assert len(set(people.values())) < len(people) - 20, "people with several identities"
    assert sum(1 for row in known.customers if row["email"] == "desk@example.com") > 10, "an e-mail that joins nobody"
    assert len(known.orders) < len(shop.orders), "orders after the as-of day"
    assert {row["status"] for row in known.orders} >= {"paid", "refunded", "partially_refunded", "cancelled"}
    assert 150 < len(bought) < 240


def test_customers_days_and_money_are_those_of_the_definition(from_everything, bought):
    rows = from_everything.ask(
        "select customer_key::text, occasion_on, net_amount from intermediate.int_purchase_occasions"
    )
    keys = {
        key: person
        for person, key in from_everything.ask("select source_ids[1], customer_key::text from marts.dim_customers")
    }
    found = {(keys[key], day): net for key, day, net in rows}
    assert found == {(person, day): net for person, days in bought.items() for day, net in days.items()}


def test_every_cohort_cell_is_that_of_the_definition(from_everything, bought):
    rows = from_everything.ask(
        "select cohort_month, activity_month, months_since_first, cohort_customers, active_customers, net_amount, "
        "is_mature, active_rate from marts.retention_cohorts"
    )
    assert {(r[0], r[1]): r[2:7] for r in rows} == reference.retention_cohorts(bought, AS_OF)
    assert all(r[7] == round(Decimal(r[4]) / r[3], 6) for r in rows)


def test_every_month_of_the_flow_is_that_of_the_definition(from_everything, bought):
    rows = from_everything.ask(
        "select period_start, at_start, new_customers, reactivated_customers, churned_customers, at_end "
        "from marts.customer_flow"
    )
    flow = reference.customer_flow(bought, AS_OF, ACTIVE_DAYS)
    assert {r[0]: r[1:] for r in rows} == flow
    assert any(r[3] for r in rows), "somebody was won back"


def test_every_repurchase_window_is_that_of_the_definition(from_everything, bought):
    rows = from_everything.ask(
        "select cohort_month, within_days, cohort_customers, eligible_customers, repurchased_customers "
        "from marts.repeat_purchase"
    )
    assert {(r[0], r[1]): r[2:] for r in rows} == reference.repeat_purchase(bought, AS_OF)


@pytest.mark.parametrize("step", [1, 2, 5])
def test_every_survival_step_is_the_kaplan_meier_estimate(from_everything, bought, step):
    rows = dict(from_everything.ask(f"select day, survival_rate from marts.survival where from_occasion = {step}"))
    curve = reference.survival(bought, AS_OF, step)
    assert curve
    assert all(math.isclose(rows[day], estimate, abs_tol=6e-7) for day, estimate in curve.items())


def test_lapse_days_are_the_90th_percentile_of_the_completed_gaps(from_everything, bought):
    gaps = reference.all_gaps(bought)
    percentile = gaps[math.ceil(0.9 * len(gaps)) - 1]
    assert from_everything.ask("select lapse_days, median_gap_days from marts.key_figures") == [
        (percentile, gaps[math.ceil(0.5 * len(gaps)) - 1])
    ]


def test_a_month_carries_its_name_in_the_configured_calendar(from_everything):
    rows = from_everything.ask("select period_label, period_start::text, is_mature from marts.customer_flow")
    assert ("1403-11", "2025-01-20", True) in rows
    assert ("1403-12", "2025-02-19", False) in rows
