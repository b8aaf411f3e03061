"""From facts to what a supervised model reads: facts, how they stand to one another, and what purchasing models say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retain.forecast.churn.facts import NAMES, SEASON_DAYS, YEAR
from retain.forecast.purchase_model import BY_NAME, PurchaseModel
from retain.forecast.same_rate import shared_rate
from retain.forecast.seasons import Seasons
from retain.forecast.statistics import DAYS_A_WEEK

FloatArray = npt.NDArray[np.float64]

LEAST = 1e-6
MOST_CHANNELS = 8
PURCHASES = "p_no_order_of_purchases"
DERIVED = ("overdue", "momentum", "spend_ratio", "shared_gap", PURCHASES)


@dataclass(frozen=True)
class Reading:
    """How facts are read, whatever the day: the purchasing model that answers beside them (None: none is identified, and
    the rule answers), in its seasons, the shop's usual gap in days and repeat occasions a customer and day, and the names
    of the channels that are told apart."""

    purchases: PurchaseModel | None
    seasons: Seasons
    shop_gap: float
    shop_rate: float
    channels: tuple[str, ...]

    def lens(self, days: int, until: int, channels: tuple[str, ...]) -> "Lens":
        """For one horizon of one day, over data in which a channel is a position in `channels`."""
        positions = tuple(channels.index(name) if name in channels else -1 for name in self.channels)
        return Lens(days, until, self, positions)

    def as_document(self) -> dict[str, Any]:
        purchases = self.purchases
        return {
            "model": purchases.name if purchases else None,
            "parameters": list(vars(purchases).values()) if purchases else [],
            "seasons": list(self.seasons.index),
            "shop_gap": self.shop_gap,
            "shop_rate": self.shop_rate,
            "channels": list(self.channels),
        }

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "Reading":
        name = document["model"]
        purchases = BY_NAME[name](*document["parameters"]) if name else None
        seasons, channels = Seasons(tuple(document["seasons"])), tuple(document["channels"])
        return cls(purchases, seasons, document["shop_gap"], document.get("shop_rate", 0.0), channels)


@dataclass(frozen=True)
class Lens:
    """A reading of the facts of one day for one horizon of `days`; `channels` are positions in the data's own list."""

    days: int
    until: int
    reading: Reading
    channels: tuple[int, ...]

    @property
    def said(self) -> int:
        """The feature that holds what the purchasing model says, in log-odds: the risk can only rise with it."""
        return len(NAMES) - 1 + DERIVED.index(PURCHASES)

    def p_no_order(self, table: FloatArray) -> FloatArray:
        """Of the purchasing model alone, or the rule. The facts may be a mixture of two customers'."""
        occasions, silence, tenure = (table[:, NAMES.index(name)] for name in ("occasions", "silence", "tenure"))
        x, purchases, seasons = occasions - 1.0, self.reading.purchases, self.reading.seasons
        if purchases is None:
            return np.exp(-self.days * shared_rate(x, tenure, self.reading.shop_rate)).clip(LEAST, 1.0 - LEAST)
        last = np.where(x > 0, np.maximum(tenure - silence, 0.0), 0.0)
        # seasons are the shop's, so only the two ends of each span are looked up, by whole days
        until = seasons.elapsed(np.full(1, self.until))[0]
        begun, bought = (
            seasons.elapsed(np.round(self.until - span).astype(np.int64)) for span in (tenure, tenure - last)
        )
        t, t_x = (until - begun) / DAYS_A_WEEK, (bought - begun) / DAYS_A_WEEK
        weeks = seasons.weeks_ahead(self.until, self.days)
        return np.clip(purchases.p_no_order(x, np.clip(t_x, 0.0, t), t, weeks), LEAST, 1.0 - LEAST)

    def matrix(self, table: FloatArray) -> FloatArray:
        """`[customer, feature]`: the facts but the channel, DERIVED, a mark a channel; of facts in the order of
        `facts.NAMES`."""
        fact = {name: table[:, number] for number, name in enumerate(NAMES)}
        # An even share says nothing of a season. A mark for "not known yet" would only tell who is younger than a year.
        fact["in_season"] = np.where(np.isnan(fact["in_season"]), SEASON_DAYS / YEAR, fact["in_season"])
        shared = (np.nan_to_num(fact["usual_gap"]) * (fact["occasions"] - 1.0) + self.reading.shop_gap) / fact[
            "occasions"
        ]
        p = self.p_no_order(table)
        with np.errstate(divide="ignore", invalid="ignore"):
            columns = [fact[name] for name in NAMES if name != "channel"]
            columns += [
                fact["silence"] / np.maximum(shared, 1.0),
                (fact["recent"] + 0.5) / (fact["before"] + 0.5),
                fact["last_spend"] / np.where(fact["spend"] > 0, fact["spend"], np.nan),
                shared,
                np.log(p / (1.0 - p)),
            ]
        columns += [(fact["channel"] == number).astype(np.float64) for number in self.channels]
        return np.stack(columns, axis=1)
