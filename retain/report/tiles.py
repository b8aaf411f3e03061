"""The key figures: each with the numbers it is made of, so that none stands without its denominator."""

from dataclasses import dataclass

from retain.config import Business
from retain.report import formats
from retain.report.figures import Figures


@dataclass(frozen=True)
class Tile:
    """One key figure. `name` is its column in the mart, `note` says what it is made of, `meaning` how it is defined."""

    name: str
    label: str
    value: str
    note: str
    meaning: str


def tiles(figures: Figures, business: Business) -> list[Tile]:
    """The eight figures at the top of the page."""
    key, currency = figures.key, figures.key["currency"]
    customers, eligible = key["customers"], key["eligible_90_customers"]

    def out_of_all(count: int) -> str:
        return f"{formats.share(count / customers)} of customers" if customers else "nobody has bought yet"

    return [
        Tile(
            "customers",
            "Customers",
            formats.whole(customers),
            f"{formats.whole(key['occasions'])} purchase occasions",
            "Resolved people with at least one valid order; one person with two accounts counts once. "
            "Several orders on one day are one occasion.",
        ),
        Tile(
            "active_customers",
            "Active customers",
            formats.whole(key["active_customers"]),
            out_of_all(key["active_customers"]),
            f"Customers with a valid order in the last {key['active_days']} days.",
        ),
        Tile(
            "net_amount",
            "Net sales to date",
            formats.money(key["net_amount"], currency),
            f"{formats.whole(key['orders'])} orders of {formats.money(key['average_order_value'], currency)} on average"
            if key["orders"]
            else "no valid order yet",
            "Gross less discounts less returns, of valid orders; without tax and shipping.",
        ),
        Tile(
            "repeat_rate",
            "Repeat purchase rate",
            formats.share(key["repeat_rate"]),
            f"{formats.whole(key['repeat_customers'])} of {formats.whole(customers)} customers",
            "Customers with two or more purchase occasions, over all customers.",
        ),
        Tile(
            "repurchased_within_90_rate",
            "Repurchased within 90 days",
            formats.share(key["repurchased_within_90_rate"]),
            f"{formats.whole(key['repurchased_within_90_customers'])} of {formats.whole(eligible)} observed for 90 days"
            if eligible
            else "nobody observed for 90 days yet",
            "Customers with a second occasion within 90 days of the first, over those observed for 90 full days.",
        ),
        Tile(
            "lapsed_customers",
            "Lapsed customers",
            formats.whole(key["lapsed_customers"]),
            out_of_all(key["lapsed_customers"])
            + (f"; no order for {key['lapse_days']} days" if customers and key["lapse_days"] else ""),
            f"Customers without a valid order for {business.lapse_days} days, as configured."
            if business.lapse_days
            else "Customers without a valid order for longer than nine in ten gaps between orders last; "
            "where a category has a rhythm of its own, its limit holds.",
        ),
        Tile(
            "value_at_risk",
            "Value at risk",
            formats.money(key["value_at_risk"], currency),
            "needs a forecast" if key["value_at_risk"] is None else "a year, at each customer's usual pace",
            "A year's value at the customer's usual pace, times the probability of no order in the next 90 days.",
        ),
        Tile(
            "predicted_value_365",
            "Predicted, next 365 days",
            formats.money(key["predicted_value_365"], currency),
            _predicted_note(figures),
            "Expected occasions times expected spend, added up over customers; undiscounted. The interval is the mean "
            "of the customers' own 80% intervals: what one customer may bring, not how far the total may be off.",
        ),
    ]


def _predicted_note(figures: Figures) -> str:
    value, currency = figures.value, figures.key["currency"]
    customers = value.get("predicted_customers") or 0
    if not customers:
        return "needs a forecast"
    mean, low, high = (
        round(value[name] / customers, 2) for name in ("predicted_value", "predicted_low", "predicted_high")
    )
    if value["not_predictable_customers"] == value["customers"]:
        return f"by a simple rule; {formats.money(mean, currency)} per customer"
    each = f"{formats.money(mean, currency)} per customer"
    return f"{each}, 80%: {formats.compact(low)} to {formats.compact(high)}"
