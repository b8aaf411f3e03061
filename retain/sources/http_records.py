"""Cut the records out of an answer as the text that was sent: no number passes through a float, no time through a clock."""

import json
import re
from dataclasses import dataclass
from typing import Any

from retain.sources.json_paths import value_at

SPACE = re.compile(r"[ \t\n\r]*")
UNSTORABLE = re.compile(r"(?<!\\)((?:\\\\)*)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
SHOWN = 12
SAID = ("message", "detail", "title", "code")  # where an error has its words; JSON:API has no `message`
A_PAGE = "a web page or XML where JSON was due: a login page, a firewall, or another address"


class NotWhatWasAsked(Exception):
    """An answer that is no page of records; its sentence goes on after `… answered with`."""


@dataclass(frozen=True)
class Record:
    """One record: its text as sent, and its values, with numbers as their text. `problem` says what could not be kept."""

    text: str
    values: dict[str, Any] | None
    problem: str | None = None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)


def records_of(body: bytes, path: str | None) -> list[Record]:
    """The records of the list at `path`; without one the answer is the list.

    Raises NotWhatWasAsked for what is no JSON, for an answer that names an error, and where the list is missing: an empty
    page is a list without records, never the absence of one.
    """
    text = text_of(body)
    try:
        return _records(text, path)
    except NotWhatWasAsked as refusal:
        raise NotWhatWasAsked(named_error(text) or str(refusal)) from None
    except ValueError as error:
        where = getattr(error, "pos", None)
        place = f", at character {where:,} of {len(text):,}" if where is not None else ""
        raise NotWhatWasAsked(f"something that is no JSON, or not all of it{place}") from None


def says_empty(body: bytes, path: str, witness: str) -> bool:
    """Whether an answer is whole, names no error, and leaves the list at `path` out, as one that has `witness` may."""
    try:
        text = text_of(body)
        answer = DECODER.decode(text)
    except (NotWhatWasAsked, ValueError):
        return False
    return value_at(answer, witness) is not None and value_at(answer, path) is None and named_error(text) is None


def each_of(record: Record, path: str) -> list[Record]:
    """The things of a list inside a record, each beside its record, which is told without that list.

    `{"parent": {"id": 7, "lines": []}, "item": {"sku": "a"}}`, as text that was sent. A record without the list has none; one
    whose list holds something else stays as it is, with the problem.
    """
    listed = value_at(record.values, path)
    if record.values is None:
        return [record]
    if listed is None or listed == []:
        return []
    place = _place_of(record, path)
    if record.text[place] != "[":
        return [Record(record.text, None, f"{path} is no list, so nothing can be read of it")]
    items, end = _list(record.text, place)
    parent = f"{record.text[:place]}[]{record.text[end:]}"
    return [
        Record(
            f'{{"parent": {parent}, "item": {item.text}}}',
            {"parent": record.values, "item": item.values},
            record.problem,
        )
        for item in items
    ]


def list_in(record: Record, path: str) -> list[Record]:
    """The things of a list inside a record, by themselves. Raises ValueError, or NotWhatWasAsked, where there is none."""
    return _list(record.text, _place_of(record, path))[0]


def _place_of(record: Record, path: str) -> int:
    """Where in the text of a record the value at `path` begins."""
    walked: list[str] = []
    place = _skip(record.text, 0)
    for step in path.split("."):
        place = _inside(record.text, place, step, walked)
        walked.append(step)
    return place


def with_related(records: list[Record], others: list[Record]) -> list[Record]:
    """The records of a JSON:API page, each beside what it refers to and the page lists: as text that was sent.

    `{"item": {"id": "e1", …}, "related": {"metric": {"id": "m1", …}}}`, by the name of the relationship. What is not listed,
    and a relationship to several, is left out.
    """
    listed = {_identity(other.values): other.text for other in others}
    found = []
    for record in records:
        if record.values is None:
            found.append(record)
            continue
        named = record.values.get("relationships")
        related: dict[str, tuple[str, Any]] = {}
        for name, one in named.items() if isinstance(named, dict) else ():
            text = listed.get(_identity(one.get("data")) if isinstance(one, dict) else None)
            if text is not None:
                related[name] = (text, DECODER.decode(text))
        beside = ", ".join(f"{json.dumps(name)}: {text}" for name, (text, _) in related.items())
        values = {"item": record.values, "related": {name: one for name, (_, one) in related.items()}}
        found.append(Record(f'{{"item": {record.text}, "related": {{{beside}}}}}', values, record.problem))
    return found


def _identity(thing: Any) -> tuple[str, str] | None:
    """By what JSON:API calls a thing: its type and its id."""
    return (str(thing.get("type")), str(thing.get("id"))) if isinstance(thing, dict) else None


def text_of(body: bytes) -> str:
    """The text of an answer. Raises NotWhatWasAsked for HTML, for nothing, and for what is not UTF-8."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotWhatWasAsked(f"text that is not UTF-8 (byte {error.start + 1:,})") from None
    start = text[:200].lstrip()
    if not start:
        raise NotWhatWasAsked("nothing")
    if start.startswith("<"):
        raise NotWhatWasAsked(A_PAGE)
    return text


def record_of(text: str) -> Record:
    """A record from its text alone. Raises ValueError when it is no JSON."""
    values, end = DECODER.raw_decode(text)
    if text[end:].strip():
        raise ValueError("more than one value")
    return _record(text, values)


def named_error(text: str) -> str | None:
    """What an answer says went wrong, when it is an object that says so: GraphQL's `errors`, `error`, `success: false`."""
    try:
        return _error_in(DECODER.decode(text))
    except ValueError:
        return None


def said_in_refusal(text: str) -> str:
    """The system's own words in the body of an answer that is no success, '' without any: also bare ones, or a list."""
    try:
        answer = DECODER.decode(text)
    except ValueError:
        return ""
    if isinstance(answer, list) and answer:
        answer = answer[0]
    words = (_error_in(answer) or "").removeprefix("an error").removeprefix(": ")
    message = (answer.get("message") or answer.get("description")) if isinstance(answer, dict) else None
    return words or (message[:200] if isinstance(message, str) else "")


def _error_in(answer: Any) -> str | None:
    if not isinstance(answer, dict):
        return None
    told = answer.get("errors") or answer.get("error")
    if not told and answer.get("success") is not False and answer.get("ok") is not False:
        return None
    first = told[0] if isinstance(told, list) and told else told
    words = next((first[name] for name in SAID if first.get(name)), None) if isinstance(first, dict) else first
    if isinstance(words, str) and answer.get("error_description"):  # OAuth: a code, and what it means here
        words = f"{words}: {answer['error_description']}"
    words = words or answer.get("message") or answer.get("error_description")
    return f"an error: {str(words)[:200]}" if words and words is not True else "an error"


def _records(text: str, path: str | None) -> list[Record]:
    place = _skip(text, 0)
    if text[place] == "{" and (failed := _failure_beside(text)):
        raise NotWhatWasAsked(failed)
    walked: list[str] = []
    for step in path.split(".") if path else ():
        place = _inside(text, place, step, walked)
        walked.append(step)
    where = ".".join(walked)
    if text[place] != "[":
        kind = {"{": "an object", '"': "a text", "n": "null"}.get(text[place], "a value")
        hint = f" with {', '.join(list(DECODER.raw_decode(text, place)[0])[:SHOWN])}" if text[place] == "{" else ""
        raise NotWhatWasAsked(f"{kind}{hint} where the list of records was due{f' ({where})' if where else ''}")
    records, place = _list(text, place)
    for _ in walked:
        place = _past_the_rest(text, place)
    if text[place:].strip():
        raise json.JSONDecodeError("more than one value", text, place)
    return records


def _failure_beside(text: str) -> str | None:
    return named_error(text) if '"error' in text or '"success"' in text or '"ok"' in text else None


def _list(text: str, place: int) -> tuple[list[Record], int]:
    """The values of the list that begins at `place`, and where it has ended."""
    records: list[Record] = []
    place = _skip(text, place + 1)
    if text[place] == "]":
        return records, place + 1
    while True:
        values, end = DECODER.raw_decode(text, place)
        records.append(_record(text[place:end], values))
        place = _skip(text, end)
        if text[place] == "]":
            return records, place + 1
        if text[place] != ",":
            raise json.JSONDecodeError("expected , or ]", text, place)
        place = _skip(text, place + 1)


def _inside(text: str, place: int, key: str, walked: list[str]) -> int:
    """Where the value of `key` begins, in the object that begins at `place`."""
    if text[place] != "{":
        raise NotWhatWasAsked(f"no object at {'.'.join(walked) or 'its top'}, where {key} was due")
    names = []
    place = _skip(text, place + 1)
    while text[place] != "}":
        name, place = DECODER.raw_decode(text, place)
        place = _skip(text, place)
        if not isinstance(name, str) or text[place] != ":":
            raise json.JSONDecodeError("expected a name and :", text, place)
        place = _skip(text, place + 1)
        if name == key:
            return place
        names.append(name)
        place = _skip(text, DECODER.raw_decode(text, place)[1])
        if text[place] == ",":
            place = _skip(text, place + 1)
    has = f"; it has {', '.join(names[:SHOWN])}" if names else ""
    raise NotWhatWasAsked(f"an answer without {'.'.join([*walked, key])}{has}")


def _past_the_rest(text: str, place: int) -> int:
    """The end of the object of which a value ended at `place`: an answer that was cut off behind the list has none."""
    while text[place := _skip(text, place)] != "}":
        if text[place] != ",":
            raise json.JSONDecodeError("expected , or }", text, place)
        name, place = DECODER.raw_decode(text, _skip(text, place + 1))
        place = _skip(text, place)
        if not isinstance(name, str) or text[place] != ":":
            raise json.JSONDecodeError("expected a name and :", text, place)
        place = DECODER.raw_decode(text, _skip(text, place + 1))[1]
    return place + 1


def _skip(text: str, place: int) -> int:
    """Past white space. Raises ValueError at the end of the text: it was cut off."""
    place = SPACE.match(text, place).end()  # type: ignore[union-attr]
    if place >= len(text):
        raise json.JSONDecodeError("cut off", text, place)
    return place


def _record(text: str, values: Any) -> Record:
    if not isinstance(values, dict):
        return Record(text, None, "is no object, so nothing can be read of it")
    if "\\u" in text and UNSTORABLE.search(text):
        return Record(*_storable(text, values))
    return Record(text, values)


def _storable(text: str, values: dict[str, Any]) -> tuple[str, dict[str, Any], str | None]:
    r"""A record in which what PostgreSQL cannot store (\u0000, half a surrogate pair) is replaced, and said."""

    def kept(found: re.Match[str]) -> str:
        code = found[0][-4:].lower()
        if code != "0000" and _is_half_of_a_pair(found):
            return found[0]
        return f"{found[1]}\\ufffd"

    changed = UNSTORABLE.sub(kept, text)
    problem = "a character that cannot be stored was replaced by �" if changed != text else None
    return changed, values, problem


def _is_half_of_a_pair(found: re.Match[str]) -> bool:
    r"""Whether \ud83d is followed by its \ude00, or the other way round."""
    text, code = found.string, int(found[0][-4:], 16)
    if code < 0xDC00:
        after = re.match(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})", text[found.end() : found.end() + 6])
        return after is not None
    before = re.search(
        r"(?<!\\)(?:\\\\)*\\u([dD][89abAB][0-9a-fA-F]{2})$", text[max(0, found.start() - 40) : found.end() - 6]
    )
    return before is not None


def key_texts(record: Record, paths: list[str]) -> tuple[str, ...] | None:
    """The key of a record as text; None when a part of it is missing."""
    values = [value_at(record.values, path) for path in paths]
    return None if any(value is None for value in values) else tuple(str(value) for value in values)
