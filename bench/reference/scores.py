"""RFM scores, segment and value tier of a customer, by the cut points of docs/metrics.md."""

import numpy as np
import pandas as pd

# recency 5 to 1, then worth 1 to 5: the grid of docs/metrics.md
SEGMENTS = {
    5: ("new customers", "potential loyalists", "loyal customers", "champions", "champions"),
    4: ("promising", "potential loyalists", "loyal customers", "loyal customers", "champions"),
    3: ("about to sleep", "about to sleep", "need attention", "loyal customers", "loyal customers"),
    2: ("hibernating", "hibernating", "at risk", "at risk", "cannot lose them"),
    1: ("lost", "lost", "at risk", "cannot lose them", "cannot lose them"),
}
TIERS = ((100_000, "platinum"), (40_000, "gold"), (10_000, "silver"))


def scored(table: pd.DataFrame) -> pd.DataFrame:
    """Adds scores, segment and tier to customers with days_since_last, occasions and net_amount."""
    recency = 5 - np.searchsorted([30, 90, 180, 365], table["days_since_last"], side="left")
    frequency = 1 + np.searchsorted([2, 4, 7, 12], table["occasions"], side="right")
    money = 1 + np.searchsorted([4_000, 10_000, 25_000, 60_000], table["net_amount"], side="right")
    worth = (frequency + money + 1) // 2
    return table.assign(
        recency_score=recency,
        frequency_score=frequency,
        money_score=money,
        segment=[SEGMENTS[r][w - 1] for r, w in zip(recency, worth, strict=True)],
        value_tier=table["net_amount"].map(
            lambda cents: next((name for least, name in TIERS if cents >= least), "bronze")
        ),
    )
