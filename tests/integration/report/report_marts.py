"""Marts of a small shop, written straight into schema marts with the columns and types of their dbt contracts."""

from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from ruamel.yaml import YAML

from retain import warehouse
from retain.config import load_settings

CONTRACTS = Path(__file__).parents[3] / "dbt_project" / "models" / "marts"
SOURCES = """\
  - name: shop
    type: files
    folder: .
    entities:
      orders:
        files: "*.csv"
        fields: {order_id: id, ordered_at: at, status: status, currency: currency, gross_amount: amount}
"""
SHOP_NAME = 'Շուկա <b onclick="alert(1)">&amp;</b> بازار'
CHANNEL = "<img src=x onerror=alert(1)>"
MESSAGE = "column </script><script>alert(1)</script> is gone"
AS_OF = date(2025, 4, 15)
MONTHS = [date(2025, number, 1) for number in range(1, 5)]
SIZES = (40, 30, 30, 20)  # customers who first bought in each month
BACK = {(0, 1): 10, (0, 2): 8, (0, 3): 3, (1, 1): 6, (1, 2): 0, (2, 1): 1}  # (cohort, months since): customers


class Marts:
    """The marts of a test's warehouse: `create` makes them all, empty; `insert` adds a row, what is not named is null."""

    def __init__(self, settings):
        self.settings = settings

    def create(self):
        with warehouse.connect(self.settings) as connection:
            for contract in sorted(CONTRACTS.glob("**/*.yml")):
                for model in YAML(typ="safe").load(contract.read_text()).get("models", []):
                    columns = [
                        sql.SQL("{} {}").format(sql.Identifier(column["name"]), sql.SQL(str(column["data_type"])))
                        for column in model["columns"]
                    ]
                    table = sql.Identifier("marts", model["name"])
                    connection.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(columns)))

    def insert(self, table, *rows):
        with warehouse.connect(self.settings) as connection:
            insert(connection, table, *rows)

    def ask(self, query):
        with psycopg.connect(**warehouse.bi_dsn(self.settings)) as connection:
            return connection.execute(query).fetchall()


def insert(connection, table, *rows):
    for row in rows:
        statement = sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier("marts", table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        )
        connection.execute(statement, list(row.values()))


def prepared(path, url):
    """Write a retain.yml at `path` and prepare its warehouse: no marts yet."""
    name = SHOP_NAME.replace('"', '\\"')
    path.write_text(
        f'business:\n  name: "{name}"\n  timezone: UTC\n  reporting_currency: EUR\nwarehouse:\n  url: {url}\nsources:\n{SOURCES}'
    )
    settings = load_settings(path)
    warehouse.prepare(settings)
    return Marts(settings)


def fill_empty(marts):
    """What a build makes of a shop without orders: no row anywhere but the key figures'."""
    marts.create()
    zeros = [name for name, value in KEY_FIGURES.items() if isinstance(value, int | Decimal) and name not in ABSENT]
    days = {"as_of_on": AS_OF, "observed_until_on": AS_OF, "currency": "EUR", "active_days": 365}
    marts.insert("key_figures", {**dict.fromkeys(zeros, 0), **days})


def fill(marts):
    """A shop of 120 customers in its fourth month, with two channels, a graded forecast and a refused load."""
    marts.create()
    marts.insert("key_figures", KEY_FIGURES)
    marts.insert("retention_cohorts", *cohorts())
    marts.insert("customer_flow", *flow())
    marts.insert("survival", *survival())
    marts.insert("channels", channel("web", 90, 60, 15), channel(CHANNEL, 30, 20, 5))
    marts.insert("load_health", load("orders", "published", None), load("returns", "refused", MESSAGE))
    marts.insert("forecast_models", *models())
    marts.insert("fct_orders", *({"is_valid": False, "excluded_because": "cancelled"} for _ in range(3)))
    values, risks = customers()
    marts.insert("customer_value", *values)
    marts.insert("churn_risk", *risks)


ABSENT = (
    "average_order_value",
    "repeat_rate",
    "repurchased_within_90_rate",
    "lapse_days",
    "value_at_risk",
    "predicted_value_365",
)
KEY_FIGURES = {
    "as_of_on": AS_OF,
    "observed_until_on": AS_OF,
    "currency": "EUR",
    "customers": 120,
    "orders": 150,
    "net_amount": Decimal("72600.00"),
    "average_order_value": Decimal("484.00"),
    "unattributed_orders": 0,
    "unattributed_net_amount": Decimal(0),
    "excluded_orders": 3,
    "occasions": 148,
    "active_customers": 120,
    "active_days": 365,
    "repeat_customers": 25,
    "repeat_rate": Decimal("0.208333"),
    "eligible_90_customers": 80,
    "repurchased_within_90_customers": 20,
    "repurchased_within_90_rate": Decimal("0.250000"),
    "lapse_days": 70,
    "lapsed_customers": 30,
    "value_at_risk": Decimal("1830.00"),
    "predicted_value_365": Decimal("7260.00"),
    "predictable_customers": 120,
    "predicted_as_of_on": AS_OF,
}


def cohorts():
    for cohort, customers in enumerate(SIZES):
        for month in range(4 - cohort):
            active = customers if month == 0 else BACK[cohort, month]
            yield {
                "cohort_month": MONTHS[cohort],
                "activity_month": MONTHS[cohort + month],
                "months_since_first": month,
                "cohort_customers": customers,
                "active_customers": active,
                "active_rate": Decimal(active) / customers,
                "net_amount": 50 * active,
                "is_mature": cohort + month < 3,
                "matures_on": date(2025, cohort + month + 2, 1),
            }


def flow():
    before = 0
    for number, month in enumerate(MONTHS):
        churned = 5 if number == 2 else 0
        yield {
            "period_start": month,
            "period_label": f"{month:%Y-%m}",
            "at_start": before,
            "new_customers": SIZES[number],
            "reactivated_customers": 0,
            "churned_customers": churned,
            "at_end": (before := before + SIZES[number] - churned),
            "retention_rate_strict": Decimal("0.9"),
            "is_mature": number < 3,
            "matures_on": date(2025, number + 2, 1),
        }


def survival():
    for step, at_risk in ((1, 120), (2, 25), (3, 6)):
        for day in range(101):
            rate = Decimal(1) - Decimal(day) / (200 * step)
            yield {
                "from_occasion": step,
                "day": day,
                "at_risk_customers": max(1, at_risk - day // 5),
                "event_customers": 1 if day else 0,
                "censored_customers": 0,
                "survival_rate": rate,
                "survival_low": rate - Decimal("0.05"),
                "survival_high": min(Decimal(1), rate + Decimal("0.05")),
            }


def channel(name, customers, eligible, returned):
    return {
        "channel": name,
        "customers": customers,
        "repeat_customers": returned,
        "repeat_rate": Decimal(returned) / customers,
        "eligible_90_customers": eligible,
        "repurchased_within_90_customers": returned,
        "repurchased_within_90_rate": Decimal(returned) / eligible,
        "net_amount": 100 * customers,
        "net_amount_per_customer": 100,
    }


def load(entity, status, message):
    at = datetime(2025, 4, 15, 3, tzinfo=UTC)
    return {
        "source": "shop",
        "entity": entity,
        "last_status": status,
        "last_loaded_at": at,
        "rows_sent": 100,
        "rows_accepted": 98,
        "rows_quarantined": 2,
        "message": message,
        "open_quarantined_rows": 2,
        "verified_through": at,
    }


def models():
    fitted = {
        "version": "v1",
        "customers": 120,
        "notes": "predicts the number of orders",
        "fitted_at": datetime.now(UTC),
    }
    parameters = {"parameters": Jsonb({"r": 0.25, "alpha": 4.5}), "is_identified": True}
    grades = {
        "holdout_days": 43,
        "value_expected": 648_000.0,
        "value_actual": 644_000.0,
        "interval_coverage": 0.84,
        "interval_promised": 0.83,
    }
    past = {"purpose": "backcast", "as_of_on": date(2025, 3, 3), "grades": Jsonb(grades)}
    return [
        {**fitted, **parameters, "model": "bg_nbd", "purpose": "current", "as_of_on": AS_OF},
        {**fitted, **parameters, "model": "bg_nbd", **past},
    ]


def customers():
    """120 customers worth 10, 20, 30, … each; a quarter of them lapsed."""
    values, risks = [], []
    for number in range(1, 121):
        key = UUID(md5(f"shop:c{number}".encode()).hexdigest())
        both = {"customer_key": key, "source_ids": [f"shop:c{number}"], "as_of_on": AS_OF, "is_predictable": True}
        values.append(
            {
                **both,
                "observed_net_amount": 10 * number,
                "predicted_value_365": number,
                "predicted_value_365_low": 0,
                "predicted_value_365_high": 2 * number,
            }
        )
        is_lapsed = number <= 30
        risks.append(
            {
                **both,
                "p_no_order_90": Decimal("0.97") if is_lapsed else Decimal("0.30"),
                "risk_band": "lapsed" if is_lapsed else "low",
                "value_at_risk": 1 if is_lapsed else 20,
            }
        )
    return values, risks
