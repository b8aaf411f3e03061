"""What is usual, and how far from it a load lies: medians and median deviations of past days. Decides; reads nothing.

A value is unusual when it is further from the middle of the past days than their own scatter and the size of the load explain,
and further than a threshold below which nobody wants to hear of it; and not only further from all past days, but also from the
same weekdays, and from the last days (what has changed for good is news once, not for ever).
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from retain.config import Gate
from retain.measures import Measure

SCATTERS = 4.0  # so many (robust) standard deviations away is not chance: once in 16,000
VOLUME_SCATTERS = 3.5
NORMAL = 1.4826  # times the median deviation is the standard deviation, where values are normally distributed
LAST_DAYS, SAME_WEEKDAYS = 7, 3
FEWEST_ROWS, FEW_ROWS = 10, 3  # with fewer rows a mean says nothing; so many more are an accident
JUDGED_DAYS = 14
USUAL_HOURS, USUAL_OLD = 2.0, 0.02
STEADY_DAYS, FIXED = 28, 0.9
NEVER, NEVER_SHARE = ("empty", "zero", "bare"), 10


@dataclass(frozen=True)
class Evidence:
    """One thing that was looked at: what was observed, within which bounds it is usual, beyond which it is incredible."""

    kind: str
    sentence: str
    observed: float
    low: float | None = None
    high: float | None = None
    far_low: float | None = None
    far_high: float | None = None

    @property
    def is_unusual(self) -> bool:
        return (self.low is not None and self.observed < self.low) or (
            self.high is not None and self.observed > self.high
        )


@dataclass(frozen=True)
class Sum:
    """Measures that were added up."""

    n: int = 0
    x: float = 0.0
    xx: float = 0.0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.n + other.n, self.x + other.x, self.xx + other.xx)

    @property
    def mean(self) -> float:
        return self.x / self.n if self.n else 0.0


Days = dict[date, Sum]
Profile = dict[tuple[str, str], Days]  # by name and subject


def profile_of(measures: Iterable[Measure]) -> Profile:
    """Measures by name and subject; each value of a field gets the field's whole number of rows beside its own."""
    profile: Profile = defaultdict(dict)
    totals: dict[tuple[str, date], int] = defaultdict(int)
    for one in measures:
        if one.name == "share":
            totals[one.subject.partition("=")[0], one.day] += int(one.x)
        days = profile[one.name, one.subject]
        days[one.day] = days.get(one.day, Sum()) + Sum(one.n, one.x, one.xx)
    for (name, subject), days in list(profile.items()):
        if name == "share":
            field = subject.partition("=")[0]
            profile[name, subject] = {
                day: Sum(total, days[day].x if day in days else 0.0)
                for (of, day), total in totals.items()
                if of == field
            }
    return profile


def compare(
    load: Profile, past: Profile, gate: Gate, today: date, last_load_on: date | None, *, is_daily: bool
) -> list[Evidence]:
    """Everything about a load that can be compared with past days. Nothing, while there are too few of them.

    `past`: the sums of published loads by day. `today`: the business day of the load; `last_load_on`: that of the one before.
    Where one load a day is the habit (`is_daily`) it is compared itself; where loads come by the hour, a night is not like a
    day, and days that have ended are compared, with what earlier loads brought of them.
    """
    found = _volumes(load.get(("rows", ""), {}), past.get(("rows", ""), {}), gate, today, last_load_on)
    for name, subject in sorted({*load, *(past if not is_daily else (key for key in past if key[0] == "share"))}):
        if name == "rows":
            continue
        days, before = load.get((name, subject), {}), past.get((name, subject), {})
        if name == "share":
            days, before = days or _nothing_of(subject, load), before or _nothing_of(subject, past)
        if name == "amount" and not is_daily and days:
            found += _mean(name, subject, days, _earlier(before, max(days)), gate, is_only_far=True)
        if not is_daily:
            days = _ended(days, before, today, last_load_on)
        if days:
            found += _mean(name, subject, days, _earlier(before, max(days) if is_daily else min(days)), gate)
    return found


def _earlier(past: Days, day: date) -> Days:
    return {on: one for on, one in past.items() if on < day}


def _ended(load: Days, past: Days, today: date, last_load_on: date | None) -> Days:
    """The days before today of which the load brings most, or which have ended since the load before; as a whole."""
    days = {day for day, one in load.items() if day < today and one.n >= past.get(day, Sum()).n}
    if last_load_on is not None:
        days |= {day for day in past if last_load_on <= day < today}
    return {day: past.get(day, Sum()) + load.get(day, Sum()) for day in days}


def _nothing_of(subject: str, profile: Profile) -> Days:
    """The days of a field in which this value of it does not occur: so many rows, none of it."""
    field = subject.partition("=")[0]
    for (name, other), days in profile.items():
        if name == "share" and other.partition("=")[0] == field:
            return {day: Sum(one.n) for day, one in days.items()}
    return {}


def _mean(name: str, subject: str, days: Days, past: Days, gate: Gate, *, is_only_far: bool = False) -> list[Evidence]:
    """A share or a mean of the load beside the same of past days; nothing while there are too few of them."""
    newest = max(days)
    here = sum((one for day, one in days.items() if day > newest - timedelta(days=JUDGED_DAYS)), Sum())
    is_mean = name in ("amount", "hour")
    usable = {day: one for day, one in past.items() if one.n >= (FEWEST_ROWS if is_mean else 1)}
    if len(usable) < gate.min_history_days or here.n < (FEWEST_ROWS if is_mean else 1):
        return []
    means = {day: one.mean for day, one in usable.items()}
    centres = _centres(means, set(days))
    if not is_mean:  # the middle of days with a row or two says less than all of them together
        centres.append(sum((one for one in usable.values()), Sum()).mean)
    chance = max(_sampling(is_mean, here.n, list(usable.values()), centre) for centre in centres)
    scatter = max(_scatter(list(means.values())), chance)
    least = {"amount": math.log(gate.usual_amount), "hour": USUAL_HOURS, "old": USUAL_OLD}.get(name, gate.usual_share)
    if name in NEVER and here.n >= FEWEST_ROWS and not any(one.x for one in usable.values()):
        least /= NEVER_SHARE  # what has not happened in weeks is news in a few rows
    elif not is_mean:
        least += FEW_ROWS / here.n  # rare things come in twos and threes: of a small load these are a large share
    limit = max(least, SCATTERS * scatter)
    low, high = min(centres) - limit, max(centres) + limit
    far_low = far_high = None
    if name == "amount":
        far = max(math.log(gate.refuse_factor), limit)
        far_low, far_high = min(centres) - far, max(centres) + far
    sentence = _said(name, subject, here, centres[0])
    if is_only_far:
        return [Evidence(name, sentence, here.mean, None, None, far_low, far_high)]
    return [Evidence(name, sentence, here.mean, low, high, far_low, far_high)]


def _centres(means: dict[date, float], days: set[date]) -> list[float]:
    """The middle of all past days, of the same weekdays, and of the last ones."""
    weekdays = {day.weekday() for day in days}
    same = [mean for day, mean in means.items() if day.weekday() in weekdays]
    last = [mean for _, mean in sorted(means.items())[-LAST_DAYS:]]
    return [median(means.values()), *([median(same)] if len(same) >= SAME_WEEKDAYS else []), median(last)]


def _scatter(values: list[float]) -> float:
    middle = median(values)
    return NORMAL * median(abs(value - middle) for value in values)


def _sampling(is_mean: bool, n: int, past: list[Sum], centre: float) -> float:
    """By how much the mean of `n` rows scatters by chance alone."""
    if is_mean:
        return median(math.sqrt(max(one.xx / one.n - one.mean**2, 0.0)) for one in past) / math.sqrt(n)
    known = sum(one.n for one in past)
    share = (min(max(centre, 0.0), 1.0) * known + 1) / (known + 2)  # what was never seen is not impossible
    return math.sqrt(share * (1 - share) / n)


def _volumes(load: Days, past: Days, gate: Gate, today: date, last_load_on: date | None) -> list[Evidence]:
    """Days that have ended since the last load, for too few rows; all days that the load speaks of, for too many."""
    if not past or not load:
        return []
    newest = max(load)
    ended = {
        newest - timedelta(days=n)
        for n in range(JUDGED_DAYS)
        if last_load_on is not None and last_load_on <= newest - timedelta(days=n) < today
    }
    added = {day for day in load if day > newest - timedelta(days=JUDGED_DAYS)}
    found = []
    for day in sorted(ended | added):
        total = past.get(day, Sum()).n + load.get(day, Sum()).n
        if evidence := usual_volume(day, total, {on: one.n for on, one in past.items()}, gate, may_be_low=day in ended):
            found.append(evidence)
    return found


def usual_volume(
    day: date,
    rows: int,
    past: dict[date, int],
    gate: Gate,
    *,
    may_be_low: bool,
    kind: str = "volume",
    what: str = "records",
) -> Evidence | None:
    """The rows of a day beside those of the same weekday before it; None while there are too few days to say."""
    before = {on: n for on, n in past.items() if day - timedelta(days=gate.history_days) <= on < day}
    if not before:
        return None
    first, last = min(before), max(before)
    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if len(span) < gate.min_history_days:
        return None
    every = {on: before.get(on, 0) for on in span}  # a closed day is a day with 0
    usual = {weekday: median([n for on, n in every.items() if on.weekday() == weekday] or [0]) for weekday in range(7)}
    expected = usual[day.weekday()]
    if sum(on.weekday() == day.weekday() for on in span) < SAME_WEEKDAYS:
        expected = median(every.values())
    if expected < 1:
        return None
    ratios = [n / usual[on.weekday()] for on, n in every.items() if usual[on.weekday()] >= 1]
    # Chance alone scatters by the root of the number; who is steadier than that for weeks is believed half of it.
    chance = (0.5 if len(span) >= STEADY_DAYS and expected >= FEWEST_ROWS else 1) / math.sqrt(expected)
    limit = VOLUME_SCATTERS * max(_scatter(ratios), chance)
    least = 1 / gate.usual_volume
    if min(every.values()) == max(every.values()):  # a list of fixed length: a tenth less is a part that is missing
        least, limit = FIXED, 1 - FIXED
    low = expected * min(least, 1 - limit) if may_be_low else None
    high = expected * max(gate.usual_volume, 1 + limit)
    sentence = f"{rows:,} {what} on {day:%A} {day.isoformat()}, usually about {expected:,.0f}"
    far = max(expected * gate.refuse_factor, high) if kind == "volume" and expected >= FEWEST_ROWS else None
    return Evidence(kind, sentence, rows, low, high, None, far)


def lateness(
    silent_hours: float, since: datetime, silences: list[tuple[datetime, float]], gate: Gate
) -> Evidence | None:
    """How long a source has sent nothing new, beside the silences of the past weeks; None while those are not known.

    `silences` are (begin, hours); `since` is the begin of this one. Those that began on the same weekday count, if there
    are enough and they agree: who rests on Sundays is late on Mondays already. Who has no rhythm is given half as long again.
    """
    if gate.fresh_within_hours is not None:
        limit, why = gate.fresh_within_hours, "at most"
    elif len(silences) >= LAST_DAYS:
        every = [hours for _, hours in silences]
        same = [hours for begin, hours in silences if begin.weekday() == since.weekday()]
        usual = same if len(same) >= SAME_WEEKDAYS and _has_rhythm(same) else every
        limit = (1.1 if _has_rhythm(usual) else 1.5) * max(usual) + 1
        why = "after the longest such silence of the last weeks it would have been"
    else:
        return None
    sentence = f"nothing new for {silent_hours:,.1f} hours; {why} {limit:,.1f}"
    return Evidence("freshness", sentence, silent_hours, None, limit)


def _has_rhythm(silences: list[float]) -> bool:
    return max(silences) <= 1.25 * median(silences)


def _said(name: str, subject: str, here: Sum, centre: float) -> str:
    if name == "amount":
        return f"{subject} is typically {math.exp(here.mean):,.2f} in {here.n:,} rows, usually {math.exp(centre):,.2f}"
    if name == "hour":
        return f"the middle of {subject} is at {_clock(here.mean)}, usually at {_clock(centre)}"
    what = {
        "share": "{0} is '{1}' in {2} of {3} rows",
        "empty": "{0} is empty in {2} of {3} rows",
        "zero": "{0} is 0 in {2} of {3} rows",
        "decimals": "{0} has decimals in {2} of {3} rows",
        "top": "one and the same {0} stands in {2} of {3} rows",
        "known": "{2} of {3} records were known before",
        "old": "{2} of {3} new records are more than a month old",
        "bare": "{2} of {3} orders have no lines",
        "unmarked": "{2} of {3} returns are of orders that are not marked as refunded",
        "touched": "{2} of {3} records changed in the last two days",
    }[name]
    field, _, value = subject.partition("=")
    return f"{what.format(field, value, f'{here.mean:.0%}', f'{here.n:,}')}, usually {centre:.0%}"


def _clock(hours: float) -> str:
    return f"{int(hours):02d}:{int(hours % 1 * 60):02d}"
