"""What each panel shows, said in a sentence made from its figures. A sentence that the data cannot carry is not said."""

from decimal import Decimal
from math import sqrt

from retain.report import formats
from retain.report.charts.channels import name as channel_name
from retain.report.charts.cohorts import pooled
from retain.report.charts.value import enough
from retain.report.figures import Row, Rows

NOBODY = "Nobody has bought yet"
FEWEST = 30  # customers behind a rate before a headline speaks of it


def cohorts(rows: Rows) -> str:
    """The mean rate in months 1 and 6 after the first order, over all cohorts for which that month is over."""
    if not rows:
        return NOBODY
    one, six = pooled(rows, 1), pooled(rows, 6)
    if one is None:
        return "No month after a first order is over yet"
    text = f"{formats.share(one[0] / one[1], 0)} of customers buy in the month after their first order"
    return text if six is None else f"{text}, {formats.share(six[0] / six[1], 0)} in the sixth"


def survival(steps: Rows) -> str:
    """How many are back within 90 days of the first order, and of the last step that is known."""
    known = [step for step in steps if step["back_within_90"] is not None]
    if not known:
        return "Too early to say who comes back"
    first = known[0]
    text = f"{formats.share(first['back_within_90'], 0)} are back within 90 days of a first order"
    if len(known) > 1:
        last = known[-1]
        ordinal = {2: "second", 3: "third"}[last["from_occasion"]]
        text += f", {formats.share(last['back_within_90'], 0)} of a {ordinal}"
    return text


def flow(rows: Rows, calendar: str) -> str:
    """Active customers at the end of the last month that is over, beside a year before."""
    over = [row for row in rows if row["is_mature"]]
    if not rows:
        return NOBODY
    if not over:
        return "The first month is not over yet"
    last = over[-1]
    text = f"{formats.whole(last['at_end'])} active customers at the end of {formats.month(last['period_label'], calendar)}"
    if len(over) > 12 and over[-13]["at_end"]:
        text += f", {formats.change(last['at_end'], over[-13]['at_end'])} a year before"
    return text


def value(concentration: Rows, key: Row) -> str:
    """What the best 5 % bring; with too few customers to say so, what all of them brought."""
    top = next((row for row in concentration if row["top_share"] == Decimal("0.05")), None)
    if top is None or top["observed_share"] is None:
        return NOBODY
    if not enough(concentration):
        people = "1 customer has" if key["customers"] == 1 else f"{formats.whole(key['customers'])} customers have"
        return f"{people} brought {formats.money(key['net_amount'], key['currency'])}"
    return f"The best 5% of customers bring {formats.share(top['observed_share'], 0)} of net sales"


def risk(rows: Rows, key: Row) -> str:
    """How much is at risk, and how much of it with customers who have lapsed already."""
    total = key["value_at_risk"]
    if not rows:
        return NOBODY
    if total is None:
        return "Value at risk needs a forecast"
    text = f"{formats.money(total, key['currency'])} a year is at risk"
    lapsed = sum(row["value_at_risk"] or 0 for row in rows if row["risk_band"] == "lapsed")
    if total > 0:
        text += f", {formats.share(lapsed / total, 0)} of it with customers who have lapsed"
    return text


def channels(rows: Rows) -> str:
    """Which channel's new customers come back most within 90 days, and which least."""
    named = [row for row in rows if row["channel"] is not None]
    if not named:
        return NOBODY
    if len(rows) == 1:
        name = channel_name(named[0])
        return "The sources name no channel" if name == "not named" else f"All customers came through {name}"
    ranked = sorted(
        (row for row in named if row["eligible_90_customers"] >= FEWEST),
        key=lambda row: (row["repurchased_within_90_rate"], row["channel"]),
        reverse=True,
    )
    if len(ranked) < 2:
        return "Too early to say which channel brings customers who come back"
    best, worst = ranked[0], ranked[-1]
    if not _differ(best, worst):
        low, high = (formats.share(row["repurchased_within_90_rate"], 0) for row in (worst, best))
        between = low if low == high else f"{low} to {high}"
        return f"Channels hardly differ: {between} of their customers are back within 90 days"
    return (
        f"Of those who first bought via {channel_name(best)}, {formats.share(best['repurchased_within_90_rate'], 0)} "
        f"are back within 90 days; via {channel_name(worst)}, {formats.share(worst['repurchased_within_90_rate'], 0)}"
    )


def _differ(best: Row, worst: Row) -> bool:
    """Whether two channels' rates lie further apart than chance explains: a two-sided z-test of two proportions at 5 %."""
    returned = best["repurchased_within_90_customers"] + worst["repurchased_within_90_customers"]
    observed = best["eligible_90_customers"] + worst["eligible_90_customers"]
    pooled = float(returned) / float(observed)
    spread = sqrt(
        pooled * (1 - pooled) * (1 / float(best["eligible_90_customers"]) + 1 / float(worst["eligible_90_customers"]))
    )
    gap = float(best["repurchased_within_90_rate"]) - float(worst["repurchased_within_90_rate"])
    return gap > 1.96 * spread


def loads(rows: Rows) -> str:
    """Whether the data are complete: loads that were not published, rows that wait."""
    if not rows:
        return "Nothing has been loaded yet"
    bad = [row for row in rows if row["last_status"] != "published"]
    waiting = sum(row["open_quarantined_rows"] for row in rows)
    if not bad:
        text = f"All {len(rows)} feeds are published" if len(rows) > 1 else "The feed is published"
    elif len(bad) == 1:
        text = f"1 of {len(rows)} feeds is not published: {bad[0]['source']} {bad[0]['entity'].replace('_', ' ')}"
    else:
        text = f"{len(bad)} of {len(rows)} feeds are not published"
    return text + (f"; {waiting:,} row{'s wait' if waiting != 1 else ' waits'} in quarantine" if waiting else "")


def sureness(backcast: Row | None, currency: str) -> str:
    """What the newest graded forecast said, and what it was."""
    grades = backcast and backcast["grades"]
    if not grades or not grades.get("value_actual"):
        return "How sure are these numbers?"
    return (
        f"We said {formats.money(grades['value_expected'], currency)}, "
        f"it was {formats.money(grades['value_actual'], currency)}"
    )
