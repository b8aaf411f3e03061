"""Further marts recomputed by their definitions: segments as they stood, lapses, the journey, concentration, plain survival."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd

from bench.reference.marts import BREAKDOWNS, BREAKDOWNS_OF_STEPS, Shop, lapse_days, survival, value
from bench.reference.scores import scored

SHARES = (1, 5, 10, 20, 50, 100)
RULES = {"derived": None, "60 days": 60, "90 days": 90, "120 days": 120}
NEVER = 10**6
STEPS = 10


def segment_history(shop: Shop) -> pd.DataFrame:
    """Every month anew, from all that was bought and given back until its end: nothing is carried from month to month."""
    tables = []
    for start in shop.begun("month"):
        end = min(shop.after("month", start), shop.as_of + 1)
        known = shop.occasions[shop.occasions["day"] < end].groupby("customer_key")
        table = known.agg(
            last=("day", "max"), occasions=("day", "size"), gross=("gross", "sum"), discount=("discount", "sum")
        )
        back = shop.given_back[shop.given_back["day"] < end].groupby("customer_key")["cents"].sum()
        table["net_amount"] = table["gross"] - table["discount"] - back.reindex(table.index).fillna(0).astype("int64")
        table = table.drop(columns=["gross", "discount"]).reset_index()
        table["days_since_last"] = end - 1 - table["last"]
        table = scored(table).assign(
            month_start=start,
            is_active=table["days_since_last"] < shop.active_days,
            is_mature=shop.after("month", start) <= shop.until,
        )
        tables.append(table.drop(columns="last"))
    return pd.concat(tables, ignore_index=True)


def with_standings(shop: Shop) -> pd.DataFrame:
    """The occasions, each with the segment and value tier of its customer at the end of the month before."""
    ends = segment_history(shop)[["customer_key", "month_start", "segment", "value_tier"]]
    ends["month_start"] = ends["month_start"].map(lambda start: shop.after("month", start))
    months = shop.occasions.assign(month_start=shop.starts("month", shop.occasions["day"].to_numpy()))
    stood = months.merge(ends, on=["customer_key", "month_start"], how="left", validate="many_to_one")
    stood.index = shop.occasions.index
    return shop.occasions.assign(
        segment=stood["segment"].fillna("new"), **{"value tier": stood["value_tier"].fillna("new")}
    )


def segment_flow(history: pd.DataFrame) -> pd.DataFrame:
    """By the segment, and by the value tier, of the row of the month before."""
    rows = history.sort_values(["customer_key", "month_start"])
    before = rows.groupby("customer_key")[["segment", "value_tier", "is_active"]].shift(1)
    now, was = rows["is_active"].astype(bool), before["is_active"].eq(True)
    is_new = before["segment"].isna()
    counted = pd.DataFrame(
        {
            "month_start": rows["month_start"],
            "customers": 1,
            "at_start": was,
            "new_customers": now & is_new,
            "reactivated_customers": now & ~was & ~is_new,
            "churned_customers": was & ~now,
            "at_end": now,
            "retained_customers": was & now,
        }
    )
    values = list(counted.columns[1:])
    tables = [
        counted.assign(dimension=dimension, dimension_value=before[column].fillna("new"))
        .groupby(["month_start", "dimension", "dimension_value"])[values]
        .sum()
        .astype("int64")
        .reset_index()
        for dimension, column in (("segment", "segment"), ("value tier", "value_tier"))
    ]
    return pd.concat(tables, ignore_index=True)


def _within(shop: Shop, first: int, last: int) -> np.ndarray:
    """Beside each occasion: net of the same customer's from `first` to `last` days after it, both included."""
    people, days = shop.occasions["customer_key"].to_numpy(), shop.occasions["day"].to_numpy()
    net = shop.occasions["net"].to_numpy()
    sums = np.zeros(len(days), dtype="int64")
    begins = np.flatnonzero(np.append(True, people[1:] != people[:-1]))
    for begin, end in zip(begins, np.append(begins[1:], len(days)), strict=True):
        until = np.append(0, np.cumsum(net[begin:end]))
        own = days[begin:end]
        sums[begin:end] = (
            until[np.searchsorted(own, own + last, side="right")]
            - until[np.searchsorted(own, own + first, side="left")]
        )
    return sums


def lapse_flow(shop: Shop) -> pd.DataFrame:
    table = shop.occasions.assign(
        spent=_within(shop, -364, 0), next_net=shop.occasions.groupby("customer_key")["net"].shift(-1)
    )
    derived = table["category"].map(lapse_days(shop))
    months = shop.begun("month")
    came = pd.Series(shop.starts("month", table.drop_duplicates("customer_key")["first"].to_numpy())).value_counts()
    tables = []
    for rule, days in RULES.items():
        lapsed_on = table["day"] + (derived if days is None else days)
        lapses = table.assign(lapsed_on=lapsed_on)[
            (lapsed_on <= shop.as_of) & (table["next"].isna() | (table["next"] > lapsed_on))
        ]
        back = lapses[lapses["next"].notna()]
        lapsed = lapses.groupby(shop.starts("month", lapses["lapsed_on"].to_numpy(dtype="int64")))["spent"]
        returned = back.groupby(shop.starts("month", back["next"].to_numpy(dtype="int64")))["next_net"]
        flow = pd.DataFrame(
            {
                "lapsed_customers": lapsed.size(),
                "won_back_customers": returned.size(),
                "lapsed_net_amount": lapsed.sum(),
                "won_back_net_amount": returned.sum(),
                "customers": came,
            }
        )
        flow = flow.reindex(months).fillna(0).astype("int64")
        flow["customers"] = flow["customers"].cumsum()
        flow["lapsed_at_end"] = (flow["lapsed_customers"] - flow["won_back_customers"]).cumsum()
        flow["lapsed_at_start"] = flow["lapsed_at_end"].shift(1, fill_value=0)
        tables.append(flow.reset_index(names="month_start").assign(rule=rule))
    return pd.concat(tables, ignore_index=True)


def concentration(shop: Shop) -> pd.DataFrame:
    people = (
        value(shop)
        .rename(columns={f"first_{name}": name for name in ("channel", "region", "category")})
        .assign(all="all")
    )
    people = people.sort_values(["observed_net_amount", "customer_key"], ascending=[False, True])
    rows = []
    for dimension in BREAKDOWNS:
        for name, group in people.groupby(dimension):
            whole = int(group["observed_net_amount"].sum())
            for share in SHARES:
                top = group[: -(-len(group) * share // 100)]
                net = int(top["observed_net_amount"].sum())
                rows.append(
                    {
                        "dimension": dimension, "dimension_value": name, "top_percent": share, "top_customers": len(top),
                        "customers": len(group), "net_amount": net, "all_net_amount": whole,
                        "net_amount_share": net / whole if whole else None,
                        "margin_amount": int(top["observed_margin_amount"].sum()),
                        "least_net_amount": int(top["observed_net_amount"].min()),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def journey(shop: Shop) -> pd.DataFrame:
    table = shop.occasions.assign(
        observed=shop.until - shop.occasions["day"],
        limit=shop.occasions["category"].map(lapse_days(shop)),
        year=_within(shop, 1, 365),
    )
    table["return"] = np.where(table["returns"] > 0, "with a return", "without a return")
    went_on = table["next"].notna()
    table["eligible"] = table["observed"] > table["limit"]
    table["lost"] = table["eligible"] & ~went_on
    table["valued"] = (table["observed"] > 365) & went_on
    rows = []
    for dimension in (*BREAKDOWNS_OF_STEPS, "return"):
        for name, group in table[table["number"] <= STEPS].groupby(dimension):
            steps = []
            for number, step in group.groupby("number"):
                lost, stayed = int(step["lost"].sum()), int(step["valued"].sum())
                brought = int(step["year"][step["valued"]].sum())
                each = _rounded(brought, stayed) if stayed else None
                steps.append(
                    {
                        "dimension": dimension, "dimension_value": name, "from_occasion": number,
                        "reached_customers": len(step), "eligible_customers": int(step["eligible"].sum()),
                        "lost_customers": lost, "stayed_customers_365": stayed, "stayed_net_amount_365": each,
                        "lost_net_amount_365": None if each is None else lost * each,
                    }
                )  # fmt: skip
            most = max(one["lost_customers"] for one in steps)
            dearest = max((one["lost_net_amount_365"] or 0 for one in steps), default=0)
            for one in steps:
                one["loses_most_customers"] = most > 0 and one["lost_customers"] == most
                one["loses_most_money"] = dearest > 0 and one["lost_net_amount_365"] == dearest
            rows += steps
    return pd.DataFrame(rows)


def _rounded(numerator: int, denominator: int) -> int:
    return int((Decimal(numerator) / denominator).quantize(Decimal(1), ROUND_HALF_UP))


def plain_survival(shop: Shop) -> pd.DataFrame:
    """The curve of everybody, on the days on which somebody came back; in between it is level."""
    curve = survival(shop)
    return curve[curve["dimension"] == "all"].drop(columns=["dimension", "dimension_value"])
