"""What is bought together, and what next, recomputed by counting the things on every order."""

from collections import Counter
from collections.abc import Iterable
from itertools import permutations, product

import pandas as pd

FEWEST = 20  # basket_min_orders of dbt_project.yml


def bought_together(goods: pd.DataFrame) -> pd.DataFrame:
    """`goods`: a row a line, with order, product (None where it is not known) and category."""
    rows = []
    for level in ("product", "category"):
        baskets = goods.dropna(subset=[level]).groupby("order")[level].agg(frozenset)
        single = Counter(item for basket in baskets for item in basket)
        pairs = Counter(pair for basket in baskets for pair in permutations(basket, 2))
        for (item, other), both in pairs.items():
            if both >= FEWEST:
                rows.append(
                    {
                        "level": level, "item": item, "other_item": other, "both_orders": both,
                        "item_orders": single[item], "other_item_orders": single[other], "all_orders": len(baskets),
                        "support": both / len(baskets), "confidence": both / single[item],
                        "lift": both * len(baskets) / (single[item] * single[other]),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def bought_next(goods: pd.DataFrame, occasions: pd.DataFrame) -> pd.DataFrame:
    """An occasion with goods beside the customer's next occasion, category by category."""
    own = goods.dropna(subset=["customer_key"]).groupby(["customer_key", "day"])["category"].agg(frozenset).to_dict()
    nobody: frozenset[str] = frozenset()
    followed = [
        (own[customer, day], own.get((customer, int(after)), nobody))
        for customer, day, after in _followed(occasions)
        if (customer, day) in own
    ]
    starts = Counter(one for first, _ in followed for one in first)
    ends = Counter(one for _, then in followed for one in then)
    pairs = Counter(pair for first, then in followed for pair in product(first, then))
    return pd.DataFrame(
        [
            {
                "category": first, "next_category": then, "next_occasions": times, "followed_occasions": starts[first],
                "occasions_with_next_category": ends[then], "all_occasions": len(followed),
                "next_rate": times / starts[first], "lift": times * len(followed) / (starts[first] * ends[then]),
            }
            for (first, then), times in pairs.items()
            if times >= FEWEST
        ]
    )  # fmt: skip


def _followed(occasions: pd.DataFrame) -> Iterable[tuple[object, int, float]]:
    rows = occasions[occasions["next"].notna()]
    return zip(rows["customer_key"], rows["day"], rows["next"], strict=True)
