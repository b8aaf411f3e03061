"""Rows as the marts would give them, for the parts of the report that decide and read nothing."""

from datetime import date
from decimal import Decimal

import pytest

from retain.report.figures import Figures


def cohort_cell(cohort, month, customers, active, *, is_mature=True):
    """A row of the cohort query: `cohort` counts months from January 2025."""
    at = cohort + month
    return {
        "cohort_month": date(2025, cohort + 1, 1),
        "cohort_label": f"2025-{cohort + 1:02}",
        "activity_label": f"2025-{at + 1:02}",
        "months_since_first": month,
        "cohort_customers": customers,
        "active_customers": active,
        "active_rate": Decimal(active) / customers,
        "net_amount": Decimal("10.00") * active,
        "is_mature": is_mature,
        "matures_on": date(2025, at + 2, 1),
        "all_cohorts": 3,
    }


@pytest.fixture
def cells():
    """Three cohorts seen from the middle of March 2025."""
    return [
        cohort_cell(0, 0, 100, 100),
        cohort_cell(0, 1, 100, 20),
        cohort_cell(0, 2, 100, 1, is_mature=False),
        cohort_cell(1, 0, 300, 300),
        cohort_cell(1, 1, 300, 2, is_mature=False),
        cohort_cell(2, 0, 50, 50, is_mature=False),
    ]


@pytest.fixture
def months():
    """Thirteen months that are over and a running one; 1,000 active at the first one's end, ten more with every month."""
    rows = []
    for number in range(14):
        rows.append(
            {
                "period_start": date(2025 + number // 12, number % 12 + 1, 1),
                "period_label": f"{2025 + number // 12}-{number % 12 + 1:02}",
                "at_start": 990 + 10 * number,
                "new_customers": 30,
                "reactivated_customers": 0,
                "churned_customers": 20,
                "at_end": 1000 + 10 * number,
                "retention_rate_strict": Decimal("0.98"),
                "is_mature": number < 13,
                "matures_on": date(2026, 3, 1),
            }
        )
    return rows


@pytest.fixture
def key():
    """Key figures of a shop of 400 customers."""
    return {
        "as_of_on": date(2025, 3, 15),
        "observed_until_on": date(2025, 3, 16),
        "currency": "EUR",
        "customers": 400,
        "orders": 500,
        "net_amount": Decimal("25000.00"),
        "average_order_value": Decimal("50.00"),
        "unattributed_orders": 0,
        "unattributed_net_amount": Decimal(0),
        "excluded_orders": 0,
        "occasions": 490,
        "active_customers": 300,
        "active_days": 365,
        "repeat_customers": 80,
        "repeat_rate": Decimal("0.200000"),
        "eligible_90_customers": 200,
        "repurchased_within_90_customers": 50,
        "repurchased_within_90_rate": Decimal("0.250000"),
        "lapse_days": 120,
        "lapsed_customers": 100,
        "value_at_risk": Decimal("9000.00"),
        "predicted_value_365": Decimal("8000.00"),
        "predicted_as_of_on": date(2025, 3, 15),
    }


@pytest.fixture
def empty_key(key):
    """Key figures of a shop that has sold nothing: counts are 0, rates and predictions are not there."""
    return {
        name: None if value is not None and name.endswith(("_rate", "_value", "_risk", "_365", "lapse_days")) else value
        for name, value in {
            **key,
            **{name: 0 for name, value in key.items() if isinstance(value, int | Decimal)},
        }.items()
    } | {"predicted_as_of_on": None, "active_days": 365}


@pytest.fixture
def nothing(empty_key):
    """Figures of that shop."""
    value = dict.fromkeys(("customers", "predicted_customers", "not_predictable_customers"), 0)
    return Figures(key=empty_key, value=value)


def channel(name, customers, eligible, returned):
    return {
        "channel": name,
        "channels": 1,
        "customers": Decimal(customers),
        "repeat_customers": Decimal(returned),
        "repeat_rate": Decimal(returned) / customers,
        "eligible_90_customers": Decimal(eligible),
        "repurchased_within_90_customers": Decimal(returned),
        "repurchased_within_90_rate": Decimal(returned) / eligible if eligible else None,
        "net_amount": Decimal(100) * customers,
        "net_amount_per_customer": Decimal(100),
    }


@pytest.fixture
def make_channel():
    return channel
