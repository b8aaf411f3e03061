"""The few rows of the demo shop that no gate may let through: which, how many, and on which days."""

import numpy as np

from retain.demo.clock import Clock
from retain.demo.dice import Bits, Bools, Dice, Ints

NO_ERROR, UNKNOWN_CUSTOMER, UNKNOWN_CURRENCY, UNKNOWN_CARD, TEXT_FOR_NUMBER, NO_SUCH_DAY, TILL_CURRENCY = range(7)
WHAT = (
    "nothing",
    "an order of a customer who does not exist",
    "a currency that does not exist",
    "a receipt with a card that was never issued",
    "text where a price belongs",
    "31 February",
    "a currency that does not exist",
)
# How many there are of each in a shop of full size, over its first three years.
COUNTS = {UNKNOWN_CUSTOMER: 8, UNKNOWN_CURRENCY: 4, UNKNOWN_CARD: 6, TEXT_FOR_NUMBER: 6, TILL_CURRENCY: 3}
FULL_SIZE = 5_000  # customers from which on all of them occur; fewer in a smaller shop, so that the gate takes the load
PERIOD = (45, 1_050)  # days after the start: later days are clean, since a day's load is too small for a wrong row

OFF_SCALE, SHARE_OFF_SCALE = 9, 0.004
WRITTEN_PRICES = ("twelve", "1O.50", "n/a", "12.5.0", "?", "free")


def schedule(dice: Dice, clock: Clock, customers: int) -> tuple[Ints, Ints, Ints]:
    """Error, number and local day of every wrong order until the last day. 31 February comes on the first of March."""
    errors, numbers, days = [], [], []
    for error, most in COUNTS.items():
        number = np.arange(max(1, round(most * min(1, customers / FULL_SIZE))), dtype=np.int64)
        errors.append(np.full(len(number), error, dtype=np.int64))
        numbers.append(number)
        days.append(clock.first_day + PERIOD[0] + dice.below("wrong on", PERIOD[1] - PERIOD[0], error, number))
    dates = clock.days.astype("M8[D]")
    is_first_of_march = (dates == dates.astype("M8[M]")) & (dates.astype("M8[M]").astype(np.int64) % 12 == 2)
    march = clock.days[is_first_of_march & (clock.days < clock.first_day + PERIOD[1])]
    errors.append(np.full(len(march), NO_SUCH_DAY, dtype=np.int64))
    numbers.append(np.arange(len(march), dtype=np.int64))
    days.append(march)
    day = np.concatenate(days)
    known = day <= clock.last_day
    return np.concatenate(errors)[known], np.concatenate(numbers)[known], day[known]


def is_of_tills(error: Ints) -> Bools:
    """Whether the row stands in a file of the tills; the others are in the web shop's database."""
    return np.asarray(error >= UNKNOWN_CARD)


def is_mended(error: Ints, ref: Bits) -> Bools:
    """Half of the prices that were text come again, right, some days later: their quarantine closes by itself."""
    return np.asarray((error == TEXT_FOR_NUMBER) & (ref % np.uint64(2) == 0))


def is_off_scale(dice: Dice, ref: Bits) -> Bools:
    """Which answers to the help desk's survey come with a score that its scale of 1 to 5 does not have."""
    return dice.happens("off the scale", SHARE_OFF_SCALE, ref)
