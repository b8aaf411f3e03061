"""Why a customer is at risk: what each group of facts moved the model's own score by, and the three largest in words.

The game: a customer's facts against those of other customers of the shop. A coalition of drivers takes its facts from the
customer and the rest from somebody else; its worth is the model's log-odds of no order for that mixture, averaged over who
else it might be (interventional Shapley values; Lundberg & Lee 2017). What the purchasing model says is worked out anew for
every mixture, so it belongs to the facts that it is made of. Values are sampled over orders of the drivers, each order also
taken backwards (Mitchell, Cooper, Frank & Holmes 2022), the same ones for everybody: one pass over the customers a step.
They add up to the customer's score minus the mean score of those compared with, whatever the sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retain.forecast.churn.facts import DRIVERS, NAMES, RECENT_DAYS, SEASON_DAYS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
LogOdds = Callable[[FloatArray], FloatArray]

AT_RISK = 0.5  # of no order in the next 90 days: the same cut as the bands medium and high
SHOWN = 3
PAIRS = 4  # orders of the drivers, each there and back: eight paths from somebody else to the customer
ROWS_A_BLOCK = 50_000


@dataclass(frozen=True)
class Reasons:
    """`moved[customer, driver]` in log-odds, in the order of DRIVERS; `base` is the mean score of those compared with."""

    moved: FloatArray
    base: float

    def largest(self) -> IntArray:
        """Positions of the SHOWN drivers that moved each score most, up or down, the largest first."""
        return np.argsort(-np.abs(self.moved), axis=1, kind="stable")[:, :SHOWN]


def explain(log_odds: LogOdds, table: FloatArray, others: FloatArray, seed: int, pairs: int = PAIRS) -> Reasons:
    """Shapley values of the customers in `table`, against `others` (facts of a few hundred customers of the same day).

    Each path compares with one of the others, drawn evenly along their scores, so that few stand for all."""
    random = np.random.default_rng(seed)
    columns = [[NAMES.index(name) for name in names] for names in DRIVERS.values()]
    scored = log_odds(others)
    ranks = np.argsort(scored, kind="stable")
    compared = others[ranks[((np.arange(2 * pairs) + 0.5) / (2 * pairs) * len(others)).astype(np.int64)]]
    compared = compared[random.permutation(len(compared))]
    moved = np.zeros((len(table), len(columns)))
    orders = [random.permutation(len(columns)) for _ in range(pairs)]
    base = log_odds(compared)
    for start in range(0, len(table), ROWS_A_BLOCK):
        rows = slice(start, start + ROWS_A_BLOCK)
        for number, other in enumerate(compared):
            order = orders[number // 2] if number % 2 == 0 else orders[number // 2][::-1]
            mixture = np.repeat(other[None, :], len(table[rows]), axis=0)
            before = np.full(len(mixture), base[number])
            for driver in order:
                mixture[:, columns[driver]] = table[rows][:, columns[driver]]
                after = log_odds(mixture)
                moved[rows, driver] += after - before
                before = after
    return Reasons(moved / len(compared), float(base.mean()))


def in_words(
    table: FloatArray,
    drivers: IntArray,
    moved: FloatArray,
    shop: Mapping[str, float],
    channels: tuple[str, ...],
) -> list[str]:
    """A sentence a row of facts, about the driver at that position; `moved` says which way. `shop`: median facts."""
    names, at = tuple(DRIVERS), {name: number for number, name in enumerate(NAMES)}
    said = []
    for row, driver, by in zip(table.tolist(), drivers.tolist(), moved.tolist(), strict=True):

        def own(name: str, row: list[float] = row) -> float:
            return row[at[name]]

        sentence = _SENTENCES[names[driver]](own, shop, channels)
        said.append(f"{sentence} ({'raises' if by > 0 else 'lowers'} the risk)")
    return said


Look = Callable[[str], float]


def _days(number: float) -> str:
    return f"{number:,.0f} day{'' if round(number) == 1 else 's'}"


def _times(number: float) -> str:
    return f"{number:,.0f} order{'' if round(number) == 1 else 's'}"


def _silence(own: Look, shop: Mapping[str, float], channels: tuple[str, ...]) -> str:
    gap = own("usual_gap")
    usual = f"usually every {gap:,.0f}" if gap == gap else f"bought once; others return after {shop['usual_gap']:,.0f}"
    return f"no order for {_days(own('silence'))}; {usual}"


def _rhythm(own: Look, shop: Mapping[str, float], channels: tuple[str, ...]) -> str:
    if own("occasions") < 2:
        return "1 order so far, and none since"
    longest = own("longest_gap")
    return f"{_times(own('occasions'))} so far, every {own('usual_gap'):,.0f} days; longest pause {_days(longest)}"


def _trend(own: Look, shop: Mapping[str, float], channels: tuple[str, ...]) -> str:
    return f"{_times(own('recent'))} in the last {RECENT_DAYS} days, {own('before'):,.0f} in the {RECENT_DAYS} before"


def _spend(own: Look, shop: Mapping[str, float], channels: tuple[str, ...]) -> str:
    own_mean, last = own("spend"), own("last_spend")
    return f"spends {own_mean:,.2f} an order, {last:,.2f} the last time; shop's median {shop['spend']:,.2f}"


def _returns(own: Look, shop: Mapping[str, float], channels: tuple[str, ...]) -> str:
    return f"{own('returned_share') * 100:.0f} % of what was bought came back"


def _channel(own: Look, shop: Mapping[str, float], channels: tuple[str, ...]) -> str:
    number = own("channel")
    return f"first came through {channels[int(number)]}" if number == number else "first channel not known"


def _season(own: Look, shop: Mapping[str, float], channels: tuple[str, ...]) -> str:
    share = own("in_season")
    if share != share:
        return "no whole year of orders yet to know the season by"
    return f"{share * 100:.0f} % of past orders were in the {SEASON_DAYS} days of the year that lie ahead"


def _tenure(own: Look, shop: Mapping[str, float], channels: tuple[str, ...]) -> str:
    return f"first order {_days(own('tenure'))} ago"


_SENTENCES: dict[str, Callable[[Look, Mapping[str, float], tuple[str, ...]], str]] = {
    "silence": _silence,
    "rhythm": _rhythm,
    "trend": _trend,
    "spend": _spend,
    "returns": _returns,
    "channel": _channel,
    "season": _season,
    "tenure": _tenure,
}
