"""What the gate made of a damage: caught or not, by what, and at what price for the rows that were good."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.faults.evidence import Evidence, Values, changed

# By which columns rows of one entity hang on rows of another.
REFERENCES: dict[str, tuple[str, ...]] = {
    "exchange_rates": ("currency",),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "orders": ("order_id", "customer_id", "currency"),
    "order_items": ("order_id", "product_id"),
    "returns": ("order_id", "return_id"),
}
OWN: dict[str, tuple[str, ...]] = {
    "exchange_rates": ("currency",),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "orders": ("order_id",),
    "order_items": ("order_id",),
    "returns": ("order_id", "return_id"),
}
Columns = dict[str, tuple[str, ...]]
Touched = set[tuple[str, str]]  # column and value


@dataclass
class Outcome:
    """One fault on one entity. `how`: unreadable, refused, quarantined, warned, absorbed, or '' when nothing was seen.

    Rows are counted in the loads that were accepted only: a refused load holds all its rows on purpose.
    """

    fault: str
    entity: str
    how: str = ""
    by: list[str] = field(default_factory=list)
    said: str = ""
    damaged_rows: int = 0
    damaged_rows_held: int = 0
    missing_rows: int = 0
    clean_rows: int = 0
    clean_rows_held: int = 0
    clean_rows_held_by: list[str] = field(default_factory=list)
    crash: str = ""
    seconds: float = 0.0

    @property
    def is_caught(self) -> bool:
        return bool(self.how) and not self.crash

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "caught": self.is_caught}


def judge(outcome: Outcome, clean: Evidence, now: Evidence, columns: Columns, statuses: dict[str, str]) -> None:
    """Fill in what happened. `statuses`: how the load of each entity ended, as the product itself told."""
    damaged = {entity: changed(clean.landed[entity].rows, landed.rows)[0] for entity, landed in now.landed.items()}
    touched = _touched(outcome, clean, now, columns)
    _count_clean(outcome, now, columns, touched, damaged)
    refused = [entity for entity, status in statuses.items() if status == "refused"]
    unreadable = [entity for entity, status in statuses.items() if status == "unreadable"]
    news = {
        key: severity for key, (rows, severity) in now.findings.items() if rows > clean.findings.get(key, (-2, ""))[0]
    }
    held = {
        rule
        for entity, landed in now.landed.items()
        for place, rules in landed.held.items()
        if landed.rows[place] in damaged[entity] or _is_touched(entity, landed.rows[place], columns, touched)
        for rule in [f"{entity}.{name}" for name in rules]
    }
    said = {
        entity: [sentence for sentence in sentences if sentence not in clean.said[entity]]
        for entity, sentences in now.said.items()
    }
    rules = {f"{entity}.{rule}": severity for (entity, rule), severity in news.items()}
    critical = sorted(rule for rule, severity in rules.items() if severity == "critical")
    if unreadable:
        outcome.how, outcome.by = "unreadable", [f"{entity}: source refused" for entity in unreadable]
    elif refused:
        outcome.how, outcome.by = "refused", critical
    elif held:
        outcome.how, outcome.by = "quarantined", sorted(held)
    elif rules or any(said.values()):
        spoken = [f"{entity}: load's message" for entity, sentences in said.items() if sentences]
        outcome.how, outcome.by = "warned", [*sorted(rules), *spoken]
    elif all(now.raw[entity] == clean.raw[entity] for entity in now.raw):
        outcome.how, outcome.by = "absorbed", ["raw is as the clean file makes it"]
    if not outcome.said:
        outcome.said = "; ".join(sentence for sentences in said.values() for sentence in sentences)


def _touched(outcome: Outcome, clean: Evidence, now: Evidence, columns: Columns) -> Touched:
    """Everything that hangs on a row which the damage changed, added or took away: by its keys, and on from there."""
    touched: Touched = set()
    for entity, landed in now.landed.items():
        new, missing = changed(clean.landed[entity].rows, landed.rows)
        if not landed.rows and entity != outcome.entity:
            continue  # not loaded in this case
        for row in new | missing:
            touched |= _references(entity, row, columns, OWN)
        if entity == outcome.entity:
            outcome.damaged_rows = sum(row in new for row in landed.rows)
            outcome.damaged_rows_held = sum(landed.rows[place] in new for place in landed.held)
            outcome.missing_rows = len(missing)
    for entity in ("orders", "order_items"):  # an order whose customer waits, waits; so do its lines and its returns
        for row in [*now.landed[entity].rows, *clean.landed[entity].rows]:
            if _is_touched(entity, row, columns, touched):
                touched |= _references(entity, row, columns, OWN)
    return touched


def _references(entity: str, row: Values, columns: Columns, by: dict[str, tuple[str, ...]]) -> Touched:
    values = dict(zip(columns[entity], row, strict=True))
    return {(name, str(values[name]).strip()) for name in by[entity] if (values.get(name) or "").strip()}


def _is_touched(entity: str, row: Values, columns: Columns, touched: Touched) -> bool:
    return bool(_references(entity, row, columns, REFERENCES) & touched)


def _count_clean(
    outcome: Outcome, now: Evidence, columns: Columns, touched: Touched, damaged: dict[str, set[Values]]
) -> None:
    rules: set[str] = set()
    for entity, landed in now.landed.items():
        if not landed.is_accepted:
            continue
        good = {
            place
            for place, row in enumerate(landed.rows)
            if row not in damaged[entity] and not _is_touched(entity, row, columns, touched)
        }
        outcome.clean_rows += len(good)
        outcome.clean_rows_held += len(good & set(landed.held))
        rules |= {f"{entity}.{rule}" for place in good & set(landed.held) for rule in landed.held[place]}
    outcome.clean_rows_held_by = sorted(rules)


def totals(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """The document's figures."""
    every = list(outcomes)
    caught = sum(outcome.is_caught for outcome in every)
    clean, held = sum(outcome.clean_rows for outcome in every), sum(outcome.clean_rows_held for outcome in every)
    return {
        "faults": len({outcome.fault for outcome in every}),
        "cases": len(every),
        "caught": caught,
        "caught_rate": round(caught / len(every), 4) if every else 0.0,
        "crashed": sum(bool(outcome.crash) for outcome in every),
        "by_way": {
            way: sum(outcome.how == way for outcome in every)
            for way in ("unreadable", "refused", "quarantined", "warned", "absorbed", "")
        },
        "clean_rows": clean,
        "clean_rows_held": held,
        "clean_rows_held_rate": round(held / clean, 6) if clean else 0.0,
    }
