"""What makes a retain.yml wrong beyond its shape: zones, currencies, fields, names, keys that contradict each other."""

import codecs
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from retain.calendars import FIRST_DAY
from retain.config.alerting import note_alert_problems
from retain.config.currencies import CURRENCIES
from retain.config.document import Document, KeyPath, inside, is_yes
from retain.config.identity import note_identity_problems
from retain.config.model import FORMAT_OF_SUFFIX
from retain.config.rest_checks import note_rest_entity_problems, note_rest_problems
from retain.config.segments import note_segment_problems
from retain.config.shopify import filled_in
from retain.config.shopify_checks import note_shopify_entity_problems, note_shopify_problems
from retain.config.wording import meant, one_of, shown
from retain.entities import ENTITIES, ORDER_STATUSES, Entity

SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
YES_AND_NO = ("true", "false")
DELIMITER_NAMES = ("whitespace", "tab", r"\t")


def note_meaning_problems(document: Document) -> None:
    """Everything that the shape alone does not tell: zones, currencies, fields, names, and what contradicts what."""
    _check_business(document)
    _check_as_of(document)
    _check_warehouse(document)
    note_alert_problems(document)
    note_identity_problems(document)
    note_segment_problems(document)
    sources = document.at(("sources",))
    for index, source in enumerate(sources if isinstance(sources, list) else []):
        if isinstance(source, dict):
            _check_source(document, index, source)


def _check_text(document: Document, path: KeyPath, check: Callable[[str], str | None]) -> None:
    """Note what `check` has against the text at `path`; a value that is not a text is the shape's problem."""
    value = document.at(path)
    if isinstance(value, str) and (problem := check(value.strip())):
        document.refuse(path, f"found {shown(document, path)}; {problem}")


def timezone_problem(value: str) -> str | None:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return f"wanted an IANA time zone such as Europe/Berlin{meant(value, available_timezones())}"
    return None


def currency_problem(value: str) -> str | None:
    if value in CURRENCIES:
        return None
    if value == "IRT":
        return "the toman has no ISO 4217 code; use IRR and multiply the amounts by 10 in `fields`"
    return f"wanted an ISO 4217 currency code such as EUR{meant(value, CURRENCIES)}"


def country_problem(value: str) -> str | None:
    from phonenumbers import SUPPORTED_REGIONS  # its metadata is not needed to read most files

    return None if value in SUPPORTED_REGIONS else "wanted an ISO 3166 country code of two capitals such as AM"


def encoding_problem(value: str) -> str | None:
    try:
        is_text = codecs.lookup(value)._is_text_encoding
    except LookupError:
        is_text = False
    return None if is_text else "wanted a character encoding such as utf-8, cp1252 or cp1256"


def delimiter_problem(value: str) -> str | None:
    if len(value) == 1 or value in DELIMITER_NAMES:
        return None
    return "wanted one character, tab or whitespace"


def _check_business(document: Document) -> None:
    _check_text(document, ("business", "timezone"), timezone_problem)
    _check_text(document, ("business", "reporting_currency"), currency_problem)
    _check_text(document, ("business", "country"), country_problem)


def _check_as_of(document: Document) -> None:
    zone = document.at(("business", "timezone"))
    if not isinstance(zone, str) or timezone_problem(zone):
        return
    today = datetime.now(ZoneInfo(zone)).date()
    days: list[KeyPath] = [("as_of",)]
    backcasts = document.at(("forecast", "backcast_on"))
    days += [
        ("forecast", "backcast_on", index) for index in range(len(backcasts) if isinstance(backcasts, list) else 0)
    ]
    for path in days:
        value = document.at(path)
        try:
            day = date.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            continue
        if day and day > today:
            document.refuse(path, f"{day} is in the future; wanted today ({today} in {zone}) or a day before it")
        elif day and day < FIRST_DAY:
            document.refuse(
                path,
                f"{day} lies before {FIRST_DAY}, where Retain's calendar begins; days are Gregorian in every calendar",
            )


def _check_warehouse(document: Document) -> None:
    warehouse = document.at(("warehouse",))
    if not isinstance(warehouse, dict):
        return
    _check_text(document, ("warehouse", "folder"), path_problem)
    if "url" in warehouse:
        if "port" in warehouse:
            document.refuse(("warehouse", "port"), "`port` is for the embedded server; remove it or `url`", of_key=True)
        url = warehouse["url"]
        if isinstance(url, str) and not url.startswith(("postgresql://", "postgres://")):
            document.refuse(("warehouse", "url"), "wanted an address that begins with postgresql://")


def path_problem(value: str) -> str | None:
    try:
        Path(value).expanduser()
    except RuntimeError:
        return "this machine has no user of that name, or the user no home; write the path out"
    return None


def _check_source(document: Document, index: int, source: dict[str, Any]) -> None:
    here: KeyPath = ("sources", index)
    name = source.get("name")
    if isinstance(name, str):
        if not SOURCE_NAME.fullmatch(name):
            wanted = "at most 30 small letters, digits and _, a letter first"
            document.refuse((*here, "name"), f"found {shown(document, (*here, 'name'))}; wanted {wanted}")
        for other in range(index):
            if inside(document.at(("sources", other)), "name") == name:
                line = document.line(("sources", other, "name"))
                document.refuse((*here, "name"), f'another source is named "{name}" already, in line {line}')
                break
    _check_text(document, (*here, "timezone"), timezone_problem)
    for of_a_file in ((*here, "folder"), (*here, "auth", "key_file")):
        _check_text(document, of_a_file, path_problem)
    if (kind := str(source.get("type"))) in CHECKS_OF_SOURCE:
        CHECKS_OF_SOURCE[kind](document, here, source)
    entities = source.get("entities")
    for entity_name, entity in entities.items() if isinstance(entities, dict) else ():
        path = (*here, "entities", entity_name)
        if entity_name not in ENTITIES:
            document.refuse(path, f"no such entity; {one_of(ENTITIES)}{meant(entity_name, ENTITIES)}", of_key=True)
            continue
        if kind == "shopify":
            entity = filled_in(entity_name, entity)
        if isinstance(entity, dict):
            _check_mapping(document, path, entity, ENTITIES[entity_name])
            CHECKS_OF_ENTITY.get(kind, _check_files_entity)(document, path, entity)


def address_problem(value: str) -> str | None:
    if re.match(r"[a-z][a-z0-9]*(\+[a-z0-9_]+)?://", value):
        return None
    return "wanted an address such as postgresql://user:${PASSWORD}@host/database or sqlite:///shop.db"


def _check_sql_source(document: Document, here: KeyPath, source: dict[str, Any]) -> None:
    _check_text(document, (*here, "url"), address_problem)


def _check_sql_entity(document: Document, path: KeyPath, entity: dict[str, Any]) -> None:
    given = [key for key in ("table", "query") if entity.get(key)]
    if len(given) == 2:
        document.refuse((*path, "query"), "both `table` and `query` are given; keep one", of_key=True)
    elif not given:
        document.refuse(path, "`table` or `query` is needed", of_key=True)


WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")


def _check_files_entity(document: Document, path: KeyPath, entity: dict[str, Any]) -> None:
    _check_text(document, (*path, "encoding"), encoding_problem)
    if isinstance(entity.get("delimiter"), str) and (problem := delimiter_problem(entity["delimiter"])):
        document.refuse((*path, "delimiter"), f"found {shown(document, (*path, 'delimiter'))}; {problem}")
    if is_yes(entity.get("together")) and not entity.get("group_by"):
        sentence = "`together` puts rows of several files into one record: `group_by` must say which belong together"
        document.refuse((*path, "together"), sentence, of_key=True)
    files = entity.get("files")
    globs = [files] if isinstance(files, str) else files
    if not isinstance(globs, list) or not globs or not all(isinstance(glob, str) for glob in globs):
        return
    patterns = [PurePosixPath(glob) for glob in globs]
    if any(pattern.is_absolute() or ".." in pattern.parts for pattern in patterns):
        document.refuse((*path, "files"), f"found {shown(document, (*path, 'files'))}; wanted a pattern below `folder`")
    kinds_found = {FORMAT_OF_SUFFIX.get(pattern.suffix.lower()) for pattern in patterns}
    kind = entity.get("format") or (kinds_found.pop() if len(kinds_found) == 1 else None)
    if kind is None and len(kinds_found) > 1:
        document.refuse((*path, "files"), "files of several formats; an entity is read from files of one")
    elif kind is None and patterns[0].suffix.lower() in WORKBOOKS:
        sentence = f"{patterns[0].suffix} is not read: save each sheet as CSV UTF-8 (`files: {patterns[0].stem}.csv`)"
        document.refuse((*path, "files"), sentence)
    elif kind is None:
        known = ", ".join(FORMAT_OF_SUFFIX)
        sentence = f"`format` is needed (csv, jsonl or parquet): `files` does not end in one of {known}"
        document.refuse(path, sentence, of_key=True)
    only_for: dict[str, tuple[str, ...]] = {
        **dict.fromkeys(("delimiter", "header", "columns", "skip_lines"), ("csv",)),
        "encoding": ("csv", "jsonl"),
    }
    for key, kinds in only_for.items():
        if key in entity and kind in FORMAT_OF_SUFFIX.values() and kind not in kinds:
            document.refuse(
                (*path, key), f"`{key}` is for {' and '.join(kinds)}, and these files are {kind}", of_key=True
            )
    if kind == "csv":
        has_header = str(entity.get("header", "true")).lower() not in ("false", "no", "off", "0")
        if has_header and "columns" in entity:
            document.refuse(
                (*path, "columns"), "`columns` is for files without a header: add `header: false`", of_key=True
            )
        if not has_header and not entity.get("columns"):
            document.refuse((*path, "header"), "without a header `columns` must name the columns, in their order")
    columns = entity.get("columns")
    columns = columns if isinstance(columns, list) else []
    for position, column in enumerate(columns):
        if column in columns[:position]:
            document.refuse((*path, "columns", position), f'the column "{column}" is named twice')


CHECKS_OF_SOURCE = {"sql": _check_sql_source, "rest": note_rest_problems, "shopify": note_shopify_problems}
CHECKS_OF_ENTITY = {
    "sql": _check_sql_entity,
    "rest": note_rest_entity_problems,
    "shopify": note_shopify_entity_problems,
}


def _check_mapping(document: Document, path: KeyPath, mapping: dict[str, Any], entity: Entity) -> None:
    fields, defaults = mapping.get("fields"), mapping.get("defaults")
    fields = fields if isinstance(fields, dict) else {}
    defaults = defaults if isinstance(defaults, dict) else {}
    for part, given in (("fields", fields), ("defaults", defaults)):
        for name in given:
            if name not in entity.fields:
                allowed = f"{one_of(entity.fields)}{meant(name, entity.fields)}"
                document.refuse((*path, part, name), f"{entity.name} has no field {name}; {allowed}", of_key=True)
    for name in fields:
        if name in defaults:
            line = document.line((*path, "fields", name), of_key=True)
            where = (*path, "defaults", name)
            document.refuse(where, f"{name} is in `fields` already, in line {line}; keep one", of_key=True)
        if isinstance(fields[name], str) and not fields[name].strip():
            document.refuse((*path, "fields", name), "found nothing; wanted a column or an expression of the source")
    for name in entity.required:
        if name in entity.key and name in defaults and name not in fields:
            document.refuse(
                (*path, "defaults", name), f"{name} is part of the key and differs in every row; map it in `fields`"
            )
        elif name not in fields and name not in defaults:
            document.refuse(
                (*path, "fields"), f"{name} is needed: map it in `fields`{_or_default(name, entity)}", of_key=True
            )
    for name, value in defaults.items():
        if isinstance(value, str) and name in entity.fields:
            _check_text(document, (*path, "defaults", name), _default_check(entity, name))


def _or_default(name: str, entity: Entity) -> str:
    can_be_constant = name not in entity.key and entity.fields[name].type in ("text", "numeric")
    return ", or give its value under `defaults` when it is the same in every row" if can_be_constant else ""


def _default_check(entity: Entity, name: str) -> Callable[[str], str | None]:
    kind = entity.fields[name].type
    if name == "currency":
        return currency_problem
    if name == "status" and entity.name == "orders":
        return lambda v: None if v in ORDER_STATUSES else one_of(ORDER_STATUSES) + meant(v, ORDER_STATUSES)
    if kind in ("numeric", "money", "rate"):
        return number_problem
    if kind == "boolean":
        return lambda value: None if value in YES_AND_NO else "wanted true or false"
    if kind in ("date", "timestamp"):
        return moment_problem
    return lambda value: None


def number_problem(value: str) -> str | None:
    try:
        is_number = Decimal(value).is_finite()
    except InvalidOperation:
        is_number = False
    return None if is_number else "wanted a number"


def moment_problem(value: str) -> str | None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return "wanted a day as YYYY-MM-DD, with a time if need be"
    return None
