"""The vocabulary of the suites: a row rule, a load rule, and the rules that hold for any entity.

The table that a suite judges holds one load: `row_number`, `source`, `_file`, `_problem`, and per field either its text, or its value
(null when it will not cast) beside `<field>_sent`, the text that came.
"""

from dataclasses import dataclass

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from retain.entities import ENTITIES, Entity, FieldType

CRITICAL, WARNING = FailureSeverity.CRITICAL, FailureSeverity.WARNING

WORDS: dict[FieldType, str] = {
    "money": "an amount of money (digits with a decimal point, below 10^14)",
    "numeric": "a number (digits with a decimal point, below 10^14)",
    "rate": "an exchange rate (digits with a decimal point)",
    "timestamp": "a moment that exists, such as 2025-03-01 17:45:00",
    "date": "a day that exists, such as 2025-03-01",
    "boolean": "yes or no (true, false, 1, 0)",
}


@dataclass(frozen=True)
class Shop:
    """What a suite must know of the source it judges: its entities, the currency that needs no rate, the zone of business days."""

    entities: frozenset[str]
    reporting_currency: str
    timezone: str


def row_rule(
    name: str,
    description: str,
    where: str,
    *,
    severity: FailureSeverity = CRITICAL,
    waits: bool = False,
    detail: str | None = None,
) -> gxe.UnexpectedRowsExpectation:
    """A rule on single rows: those for which `where` is true fail. `description` is the reason a person reads in quarantine.

    `waits`: the row may be right and only early (it refers to a record that has not come yet), and is tried again by itself.
    `detail` is a column whose text is added to the reason. In `where`, `subselect` is the load itself, for use inside subqueries.
    """
    return gxe.UnexpectedRowsExpectation(
        description=description,
        unexpected_rows_query=f"select * from {{batch}} where {where}",
        severity=severity,
        meta={"judges": "row", "rule": name, "waits": waits, "detail": detail},
    )


def refers_to(entity: str, field: str, *, severity: FailureSeverity = CRITICAL) -> gxe.UnexpectedRowsExpectation:
    """`field` names a record of `entity` of the same source."""
    key = ENTITIES[entity].key[0]
    return row_rule(
        f"{field}_exists",
        f"{field} names a record that {entity} does not have",
        f"{field} is not null and not exists (select 1 from raw.{entity} as known "
        f"where known.source = subselect.source and known.{key} = subselect.{field})",
        severity=severity,
        waits=True,
    )


def not_in_the_future(field: str) -> gxe.UnexpectedRowsExpectation:
    return row_rule(
        f"{field}_is_past",
        f"{field} lies more than a day in the future",
        f"{field} > now() + interval '1 day'",
    )


def not_before_the_calendar(field: str) -> gxe.UnexpectedRowsExpectation:
    return row_rule(f"{field}_is_modern", f"{field} lies before 1990", f"{field} < timestamptz '1990-01-02 00:00+00'")


def of_every_entity(entity: Entity) -> list[Expectation]:
    """Keys present and unique, required fields present, values that cast, lines that could be read; the row count as sent."""
    rules: list[Expectation] = [
        gxe.ExpectTableRowCountToEqual(
            value={"$PARAMETER": "rows_expected"},
            description="the load holds as many records as the source sent",
            severity=CRITICAL,
            meta={"judges": "load", "rule": "row_count"},
        ),
        row_rule("readable", "the record could not be read", "_problem is not null", detail="_problem"),
    ]
    for name, field in entity.fields.items():
        typed = field.type != "text"
        sent = f"{name}_sent" if typed else name
        if field.required:
            rules.append(
                gxe.ExpectColumnValuesToNotBeNull(
                    column=sent,
                    description=f"{name} is missing",
                    severity=CRITICAL,
                    meta={"judges": "row", "rule": f"{name}_present", "waits": False},
                )
            )
        if typed:
            rules.append(
                row_rule(
                    f"{name}_casts", f"{name} is not {WORDS[field.type]}", f"{sent} is not null and {name} is null"
                )
            )
        if field.type == "money":
            rules.append(
                row_rule(
                    f"{name}_exact",
                    f"{name} has more than four decimals and was rounded",
                    f"{name} is not null and {sent}::numeric <> {name}",
                    severity=WARNING,
                )
            )
    keys = ", ".join(entity.key)
    present = " and ".join(f"{key} is not null" for key in entity.key)
    rules.append(
        gxe.UnexpectedRowsExpectation(
            description=f"{' with '.join(entity.key)} occurs more than once in one delivery",
            unexpected_rows_query=(
                f"select * from (select *, count(*) over (partition by {keys}, _file) as copies from {{batch}} "
                f"where {present}) as counted where copies > 1"
            ),
            severity=CRITICAL,
            meta={"judges": "row", "rule": "key_unique", "waits": False},
        )
    )
    return rules
