"""The `segments:` part of retain.yml: the cut points by which customers are scored, and the tiers of their value."""

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field

from retain.config.document import Document, KeyPath
from retain.config.part import Part

CUT_POINTS = 4  # between five scores
NOT_A_TIER = ("new", "none", "all")  # what breakdowns call those without one

Days = Annotated[int, Field(ge=0, le=36600)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Money = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=2)]
TIER_NAME = re.compile(r"[a-z][a-z0-9_ -]{0,29}")


class Segments(Part):
    """Cut points are decided, and not recomputed from the data: nobody's score changes because others do something."""

    recency_days: tuple[Days, ...] = Field(
        min_length=CUT_POINTS,
        max_length=CUT_POINTS,
        default=(30, 90, 180, 365),
        description="Days of silence: recency 5 up to the first, 1 beyond the last.",
    )
    occasions: tuple[Count, ...] = Field(
        min_length=CUT_POINTS,
        max_length=CUT_POINTS,
        default=(2, 4, 7, 12),
        description="Purchase occasions: frequency 1 below the first, 5 from the last.",
    )
    net_amount: tuple[Money, ...] = Field(
        min_length=CUT_POINTS,
        max_length=CUT_POINTS,
        default=(Decimal(40), Decimal(100), Decimal(250), Decimal(600)),
        description="Net amount in the reporting currency: money 1 below the first, 5 from the last.",
    )
    value_tiers: dict[str, Money] = Field(
        default={"platinum": Decimal(1000), "gold": Decimal(400), "silver": Decimal(100)},
        min_length=1,
        description="Tier to the net amount from which a customer has it.",
    )
    lowest_value_tier: str = Field(default="bronze", description="The tier of everybody else.")

    def variables(self) -> dict[str, Any]:
        """As dbt's vars; amounts as the digits that were written."""
        highest_first = sorted(self.value_tiers.items(), key=lambda tier: -tier[1])
        return {
            "rfm_recency_days": list(self.recency_days),
            "rfm_occasions": list(self.occasions),
            "rfm_net_amount": [f"{amount:f}" for amount in self.net_amount],
            "value_tiers": [{"name": name, "at_least": f"{amount:f}"} for name, amount in highest_first],
            "lowest_value_tier": self.lowest_value_tier,
        }


def note_segment_problems(document: Document) -> None:
    """Cut points that do not grow, two tiers from one amount, and a lowest tier that is one of the others."""
    for name in ("recency_days", "occasions", "net_amount"):
        path: KeyPath = ("segments", name)
        given = document.at(path)
        if isinstance(given, list) and len(given) != CUT_POINTS:
            document.refuse(path, f"found {len(given)} cut points; wanted {CUT_POINTS}")
        points = _numbers(given)
        if any(later <= earlier for earlier, later in pairwise(points)):
            document.refuse(path, "each cut point must be more than the one before it")
    tiers = document.at(("segments", "value_tiers"))
    if not isinstance(tiers, Mapping):
        tiers = {}
    amounts = _numbers(list(tiers.values()))
    if len(set(amounts)) < len(amounts):
        document.refuse(("segments", "value_tiers"), "two tiers begin at the same amount")
    lowest = document.at(("segments", "lowest_value_tier"))
    if isinstance(lowest, str) and lowest in tiers:
        document.refuse(
            ("segments", "lowest_value_tier"), f"{lowest} is one of `value_tiers`; give the rest another name"
        )
    for path, name in [
        *((("segments", "value_tiers", one), one) for one in tiers),
        (("segments", "lowest_value_tier"), lowest),
    ]:
        if isinstance(name, str) and not TIER_NAME.fullmatch(name):
            document.refuse(
                path,
                "a tier's name is of small letters, digits, blanks, - and _, and begins with a letter",
                of_key=True,
            )
        elif name in NOT_A_TIER:
            document.refuse(
                path, f"{name} is what the marts call those without a tier; give it another name", of_key=True
            )


def _numbers(values: Any) -> list[Decimal]:
    """Those that are numbers; the others are the shape's problem."""
    found = []
    for value in values if isinstance(values, list) else []:
        try:
            found.append(Decimal(str(value)))
        except ArithmeticError:
            continue
    return [one for one in found if one.is_finite()]
