"""What the shop spends on being found: so much a month for each channel that it advertises, booked when the month is over."""

from dataclasses import dataclass

import numpy as np

from retain.demo.baskets import rounded
from retain.demo.buying import Occasions
from retain.demo.catalogue import AMD, AMD_PER_EUR, EUR
from retain.demo.clock import Clock, midnight
from retain.demo.columns import Columns
from retain.demo.dice import Dice, Ints
from retain.demo.orders import APP, WEB

A_WEEK = 7  # days; longer than any holidays without rates
COST_OF_A_CUSTOMER = {
    WEB: (EUR, 12.0),
    APP: (AMD, 22.0),
}  # channel: currency, EUR; nobody counts what brings people to a store


@dataclass(frozen=True)
class MarketingCosts(Columns):
    """One month of one channel each; `amount` in hundredths of the currency, `booked_at` the first moment after the month."""

    month_on: Ints
    channel: Ints
    currency: Ints
    amount: Ints
    booked_at: Ints


def spend_on_ads(dice: Dice, clock: Clock, occasions: Occasions) -> MarketingCosts:
    """Every whole month that is over by the last day. It costs about as much a customer, whoever of them would have come anyway."""
    months = np.unique(clock.days.astype("M8[D]").astype("M8[M]"))
    starts = months.astype("M8[D]").astype(np.int64)
    ends = (months + 1).astype("M8[D]").astype(np.int64)
    # From the first whole month on which a dram had a rate: another would be held back by the gate.
    counts = (midnight(ends) < clock.cut) & (starts >= clock.first_day + A_WEEK)
    starts, ends = starts[counts], ends[counts]
    first = occasions.take((occasions.nth == 0) & ~occasions.in_store)
    parts = []
    for channel, (currency, euros) in COST_OF_A_CUSTOMER.items():
        came = np.sort(first.day[first.in_app == (channel == APP)])
        customers = np.searchsorted(came, ends) - np.searchsorted(came, starts)
        paid = customers * euros * (0.7 + 0.6 * dice.uniform("ads", starts, channel))
        n = len(starts)
        in_currency = np.full(n, currency, dtype=np.int64)
        amount = rounded(paid * 100 * (AMD_PER_EUR if currency == AMD else 1), in_currency)
        parts.append(MarketingCosts(starts, np.full(n, channel, dtype=np.int64), in_currency, amount, midnight(ends)))
    return MarketingCosts.joined(*parts)
