"""A release from quarantine that is asked for by rule or by number: counted first, since a large one is not for one person to decide."""

from dataclasses import dataclass

from retain import alerts
from retain.config import Settings
from retain.decisions import Decided, release
from retain.errors import UserError
from retain.loads import REFERRED_TO, LoadOutcome, retry_waiting
from retain.roles import LOADER
from retain.warehouse import connect

KEYS_SHOWN, REASONS_SHOWN = 5, 10


@dataclass(frozen=True)
class Wanted:
    """Open entries of one entity of one source: all of them, those that broke `rule`, or those with these numbers."""

    source: str
    entity: str
    rule: str | None = None
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """What a request came to: how many entries, the newest number among them, what they broke in words, a few keys."""

    rows: int
    newest: int
    reasons: tuple[str, ...]
    keys: tuple[str, ...]


def numbers_of(text: str | None) -> tuple[int, ...]:
    """The numbers of a line such as `4711 4712, 4713`. Raises UserError for anything else."""
    words = (text or "").replace(",", " ").split()
    wrong = [word for word in words if not word.isdecimal()]
    if wrong:
        raise UserError(f"'{wrong[0]}' is not the number of an entry.", hint="`retain quarantine list` shows them.")
    return tuple(int(word) for word in words)


def choose(settings: Settings, wanted: Wanted) -> Chosen:
    """Count what would be released. Raises UserError when that is nothing, or a number is of no open entry of the entity."""
    with connect(settings, LOADER) as connection:
        row = connection.execute(
            f"select count(*), max(quarantine_id), (array_agg(record_key order by quarantine_id desc) "
            f"filter (where record_key <> ''))[1:{KEYS_SHOWN}] from ops.quarantine where {MATCHING}",
            _parameters(wanted),
        ).fetchone()
        reasons = connection.execute(
            "select reason, count(*) from ops.quarantine, unnest(rules, reasons) as broken(rule, reason) "
            f"where {MATCHING} group by reason order by count(*) desc, reason limit {REASONS_SHOWN}",
            _parameters(wanted),
        ).fetchall()
    assert row is not None
    if not row[0] or (wanted.numbers and row[0] < len(set(wanted.numbers))):
        raise UserError(
            f"{row[0]} open entries of {wanted.entity} from {wanted.source} are as asked for"
            f"{f', of {len(set(wanted.numbers))} numbers' if wanted.numbers else ''}. Nothing was released.",
            hint="`retain quarantine list` shows what is open.",
        )
    return Chosen(row[0], row[1], tuple(f"{reason}: {count:,}" for reason, count in reasons), tuple(row[2] or ()))


def release_chosen(settings: Settings, wanted: Wanted, newest: int, reason: str, decided_by: str) -> Decided:
    """Release what was chosen and is still open: nothing that came to quarantine after it was counted. Raises as `release` does."""
    with connect(settings, LOADER) as connection:
        entries = connection.execute(
            f"select quarantine_id from ops.quarantine where {MATCHING} and quarantine_id <= %(newest)s",
            {**_parameters(wanted), "newest": newest},
        ).fetchall()
    return release_and_take_up(settings, [row[0] for row in entries], reason, decided_by)[0]


def release_and_take_up(
    settings: Settings, quarantine_ids: list[int], reason: str, decided_by: str | None = None
) -> tuple[Decided, list[LoadOutcome]]:
    """Release entries, judge again what waited for them, and see whether alerts are over."""
    done = release(settings, quarantine_ids, reason, decided_by)
    outcomes = retry_waiting(settings) if done.entities & REFERRED_TO and done.rows_changed else []
    alerts.observe(settings)
    return done, outcomes


MATCHING = (
    "status = 'open' and source = %(source)s and entity = %(entity)s and (%(rule)s::text is null or %(rule)s = any(rules)) "
    "and (%(numbers)s::bigint[] = '{}' or quarantine_id = any(%(numbers)s))"
)


def _parameters(wanted: Wanted) -> dict[str, object]:
    return {
        "source": wanted.source,
        "entity": wanted.entity,
        "rule": wanted.rule,
        "numbers": list(wanted.numbers),
    }
