"""The vocabulary of the suites: a row rule, a lookup, a load rule, and the rules that hold for any entity.

The table that a suite judges holds one load: `row_number`, `source`, `_file`, `_problem`, and per field either its text, or its value
(null when it will not cast) beside `<field>_sent`: the text that came, where the value does not say all of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.kinds import ExpectNoRowToMeet, ExpectQueryToFindNothing
from retain.config import Gate
from retain.entities import ENTITIES, Entity, FieldType
from retain.records import DAY_FIELDS, sent_name

CRITICAL, WARNING = FailureSeverity.CRITICAL, FailureSeverity.WARNING

WORDS: dict[FieldType, str] = {
    "money": "an amount of money (digits with a decimal point, below 10^14)",
    "numeric": "a number (digits with a decimal point, below 10^14)",
    "rate": "an exchange rate (digits with a decimal point)",
    "timestamp": "a moment that exists, such as 2025-03-01 17:45:00",
    "date": "a day that exists, such as 2025-03-01",
    "boolean": "yes or no (true, false, 1, 0)",
}
DATE_ORDER = "; days like 03/04/2025 are read when the source says its `date_order`"
OLD_RATE_DAYS = 10
EARLIEST = "1990-01-02"  # the calendar begins a day before
UNSEEN = "[\u00a0\u00ad\u034f\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff]"
EASTERN_DIGITS = "[٠-٩۰-۹]"
# What is left of letters after a program took them for another alphabet: U+FFFD, é as Ã©, é as &eacute;, é as ?, or two.
ILLEGIBLE = "\ufffd|[ÂÃÄÅÐÑØÙÚÛ][\u0080-\u00bf]|â€|&[a-z]+;|&#[0-9]+;|[[:alpha:]][?]+[[:alpha:]]"


@dataclass(frozen=True)
class Shop:
    """What a suite must know of the source it judges.

    Its entities; the fields of the judged entity that it maps; the currency that needs no rate; the zone of business days;
    the thresholds of its gate; whether any record is in the load more than once; whether retain.yml could say how days like
    03/04/2025 are read, and does not.
    """

    entities: frozenset[str]
    fields: frozenset[str]
    reporting_currency: str
    timezone: str
    gate: Gate
    has_copies: bool = True
    lacks_date_order: bool = False


def suite_of(name: str, shop: Shop, expectations: Iterable[Expectation | None]) -> gx.ExpectationSuite:
    """The suite without the rules on fields that the source does not map, which could never fail."""
    kept = [one for one in expectations if one is not None and set((one.meta or {}).get("about", ())) <= shop.fields]
    return gx.ExpectationSuite(name=name, expectations=kept)


def row_rule(
    name: str,
    description: str,
    condition: str,
    *,
    about: Iterable[str] = (),
    severity: FailureSeverity = CRITICAL,
    waits: bool = False,
    detail: str | None = None,
) -> Expectation:
    """A rule on single rows: those that meet `condition` fail. `description` is the reason a person reads in quarantine.

    `about`: the fields without which the rule cannot fail. `waits`: the row may be right and only early (it refers to a
    record that has not come yet), and is tried again by itself. `detail` is a column whose text is added to the reason.
    """
    meta = {"judges": "row", "rule": name, "about": list(about), "waits": waits, "detail": detail}
    return ExpectNoRowToMeet(condition=condition, description=description, severity=severity, meta=meta)


def lookup_rule(
    name: str,
    description: str,
    where: str,
    *,
    about: Iterable[str] = (),
    severity: FailureSeverity = CRITICAL,
    waits: bool = False,
    detail: str | None = None,
) -> Expectation:
    """A row rule that looks beyond the row: `where` has subqueries, in which `subselect` is the row and {batch} the load."""
    return rows_of_query(
        name,
        description,
        f"select * from {{batch}} where {where}",
        about=about,
        severity=severity,
        waits=waits,
        detail=detail,
    )


def rows_of_query(
    name: str,
    description: str,
    query: str,
    *,
    about: Iterable[str] = (),
    severity: FailureSeverity = CRITICAL,
    waits: bool = False,
    detail: str | None = None,
    judges: str = "row",
) -> Expectation:
    """A rule that is a whole query: the rows it finds fail, or, where it judges the load, it must find none."""
    meta = {"judges": judges, "rule": name, "about": list(about), "waits": waits, "detail": detail}
    return ExpectQueryToFindNothing(unexpected_rows_query=query, description=description, severity=severity, meta=meta)


def refers_to(entity: str, field: str, *, severity: FailureSeverity = CRITICAL) -> Expectation:
    """`field` names a record of `entity` of the same source."""
    key = ENTITIES[entity].key[0]
    return lookup_rule(
        f"{field}_exists",
        f"{field} names a record that {entity} does not have",
        f"{field} is not null and not exists (select 1 from raw.{entity} as known "
        # All rows of a load are of one source, which asked once leaves one column to join by.
        f"where known.source = (select source from {{batch}} limit 1) and known.{key} = subselect.{field})",
        about=(field,),
        severity=severity,
        waits=True,
    )


def not_in_the_future(field: str, shop: Shop) -> Expectation:
    """Beyond the skew of clocks. The row waits: a moment that has come by the next try was only a clock that is ahead."""
    minutes = shop.gate.clock_skew_minutes
    ahead = "more than an hour" if minutes == 60 else f"more than {minutes} minutes"
    return row_rule(
        f"{field}_is_past",
        f"{field} lies {ahead} in the future",
        f"{field} > now() + interval '{minutes} minutes'",
        about=(field,),
        waits=True,
    )


def not_before_the_calendar(field: str, *, severity: FailureSeverity = CRITICAL) -> Expectation:
    return row_rule(
        f"{field}_is_modern",
        f"{field} lies before 1990; a Jalali day is read by ops.from_jalali(column)",
        f"{field} < '{EARLIEST}'",
        about=(field,),
        severity=severity,
    )


def not_negative(field: str) -> Expectation:
    return row_rule(f"{field}_not_negative", f"{field} is negative", f"{field} < 0", about=(field,))


def has_a_rate(shop: Shop, moment: str, what: str) -> Expectation:
    """`currency` had an exchange rate on or before the day of `moment`, an expression of the row that gives a timestamptz."""
    return lookup_rule(
        "rate_exists",
        f"there is no exchange rate for its currency on or before {what}",
        f"currency <> '{shop.reporting_currency}' and {moment} is not null and not exists ("
        f"{_known_rates(shop)} and known.first_at <= {moment})",
        about=("currency",),
        waits=True,
    )


def has_a_recent_rate(shop: Shop, moment: str, what: str) -> Expectation:
    """The last rate of `currency` before `moment` is not older than any holidays during which no rates are published."""
    return lookup_rule(
        "rate_is_recent",
        f"the last exchange rate for its currency is more than {OLD_RATE_DAYS} days older than {what}",
        f"currency <> '{shop.reporting_currency}' and exists ("
        f"{_known_rates(shop)} and known.first_at <= {moment} and known.old_at <= {moment})",
        about=("currency",),
        severity=WARNING,
    )


def _known_rates(shop: Shop) -> str:
    # The moments from which a currency has a rate, and no recent one any more, once a currency: the day of every row would cost
    # more than all else here.
    at = f"::timestamp at time zone '{shop.timezone}'"
    return (
        f"select 1 from (select currency, min(rate_on){at} as first_at, (max(rate_on) + {OLD_RATE_DAYS + 1}){at} as old_at "
        "from raw.exchange_rates where not is_deleted group by currency) as known where known.currency = subselect.currency"
    )


def one_of(field: str, name: str, description: str, values: Iterable[str]) -> Expectation:
    known = ", ".join(f"'{value}'" for value in values)
    return row_rule(name, description, f"{field} not in ({known})", about=(field,))


def about_somebody(entity: Entity, shop: Shop) -> list[Expectation]:
    """What every record must hold that tells of somebody who did something, besides what holds for every entity: a moment of the
    past, and an account or an address that may be somebody's."""
    moment = DAY_FIELDS[entity.name]
    return [
        *of_every_entity(entity, shop),
        not_in_the_future(moment, shop),
        not_before_the_calendar(moment),
        # An account of another source, of which there is none: whoever is named by it is nobody.
        lookup_rule(
            "customer_source_known",
            "customer_source names a source without customers",
            "customer_source is not null and not exists "
            "(select 1 from raw.customers as known where known.source = subselect.customer_source)",
            about=("customer_source",),
            severity=WARNING,
        ),
        looks_like_an_address(),
    ]


def looks_like_an_address(field: str = "email") -> Expectation:
    """Who has no usable address is still a customer: told, never held."""
    return row_rule(
        f"{field}_looks_right",
        f"{field} is not an e-mail address",
        f"{field} not like '_%@_%' or {field} like '% %'",
        about=(field,),
        severity=WARNING,
    )


def legible(field: str) -> Expectation:
    """Letters that a program did not understand cannot be put right here; the marts stay right, but people see them."""
    return row_rule(
        f"{field}_legible",
        f"{field} holds letters that were spoilt on the way",
        f"{field} ~ '{ILLEGIBLE}'",
        about=(field,),
        severity=WARNING,
    )


def of_every_entity(entity: Entity, shop: Shop) -> list[Expectation]:
    """Keys present, plain and unique; required fields present; values that cast; the row count and the sums as sent."""
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
        sent = sent_name(name)
        hint = DATE_ORDER if shop.lacks_date_order and field.type in ("timestamp", "date") else ""
        if field.required:
            absent = f"{name} is null and {sent} is null" if typed else f"{name} is null"
            rules.append(row_rule(f"{name}_present", f"{name} is missing", absent, about=(name,)))
        if typed:
            rules.append(
                row_rule(
                    f"{name}_casts",
                    f"{name} is not {WORDS[field.type]}{hint}",
                    f"{name} is null and {sent} is not null",
                    about=(name,),
                )
            )
        if field.type == "money":
            rules.append(
                row_rule(
                    f"{name}_exact",
                    f"{name} has more than four decimals and was rounded",
                    f"case when {sent} is not null and {name} is not null then {sent}::numeric <> {name} end",
                    about=(name,),
                    severity=WARNING,
                )
            )
    rules += [_plain(key) for key in entity.key if entity.fields[key].type == "text"]
    if "changed_at" in entity.fields:
        rules.append(not_in_the_future("changed_at", shop))
    return [*rules, _unique(entity)] if shop.has_copies else rules


def _plain(key: str) -> Expectation:
    """A key that only looks like another one would be a second record of the same thing.

    Almost every key is of plain letters and digits, which one look tells.
    """
    return row_rule(
        f"{key}_plain",
        f"{key} holds a character that cannot be seen, a digit of another script, or a number that a spreadsheet rounded",
        f"case when {key} ~ '^[ -*,-~]+$' then false "
        f"when octet_length({key}) <> length({key}) then {key} ~ '{UNSEEN}|{EASTERN_DIGITS}' "
        f"else {key} <> translate({key}, E'\\t\\n\\r\\x0b\\x0c\\x7f', '') or "
        f"({key} like '%E+%' and {key} ~ '^[0-9]([.][0-9]+)?E[+][0-9]+$') end",
        about=(key,),
    )


def _unique(entity: Entity) -> Expectation:
    """Versions of a record in one delivery are told apart by their time of change, and copies that are equal do no harm;
    copies that differ cannot both be right."""
    keys = ", ".join(entity.key)
    copies = (
        f"({keys}, coalesce(_file, '')) in "
        f"(select {keys}, coalesce(_file, '') from {{batch}} group by {keys}, _file having count(*) > 1)"
    )
    values = ", ".join(
        name if field.type == "text" else f"{name}, {sent_name(name)}" for name, field in entity.fields.items()
    )
    versions = (
        f"select *, dense_rank() over (partition by {keys}, _file, changed_at order by row({values})) as version "
        f"from {{batch}} where {copies}"
    )
    return rows_of_query(
        "key_unique",
        f"{' with '.join(entity.key)} occurs more than once in one delivery, with different values",
        f"select * from (select *, max(version) over (partition by {keys}, _file, changed_at) as versions "
        f"from ({versions}) as ranked) as counted where versions > 1",
        about=entity.key,
    )
