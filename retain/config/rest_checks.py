"""What makes a `rest` source of retain.yml wrong beyond its shape: addresses, keys that miss their partner, secrets out of place."""

import ipaddress
import json
import re
from typing import Any
from urllib.parse import urlsplit

from retain.config.document import Document, KeyPath, inside, is_yes
from retain.config.wording import shown
from retain.entities import ENTITIES
from retain.sources.json_paths import LONGEST_PATH, path_of, paths_of

INSIDE = ("localhost", ".local", ".lan", ".internal", ".intranet")
WHOLE = ("day", "hour")  # formats of a window that is asked for in whole units
NEEDS = {"offset": "size", "next_link": "next", "cursor": "next"}
PLACE = re.compile(r"\{(\w+)\}")
CARRIES_A_SECRET = re.compile(r"(?i)authorization|cookie|.*(token|secret|password|api-?key)")


def note_rest_problems(document: Document, here: KeyPath, source: dict[str, Any]) -> None:
    """Everything about a `rest` source as a whole that its shape does not tell."""
    check_address(document, (*here, "url"))
    check_address(document, (*here, "links_at"), is_asked=False)
    auth = source.get("auth")
    if isinstance(auth, dict):
        check_address(document, (*here, "auth", "token_url"))
        given = [key for key in ("header", "query") if auth.get(key)]
        if auth.get("type") == "api_key" and len(given) != 1:
            sentence = "both `header` and `query` are given; keep one" if given else "`header` or `query` is needed"
            document.refuse((*here, "auth"), sentence, of_key=True)
    for name in source["headers"] if isinstance(source.get("headers"), dict) else ():
        if CARRIES_A_SECRET.fullmatch(str(name)):
            document.refuse(
                (*here, "headers", name), "a secret belongs in `auth`, which keeps it out of logs", of_key=True
            )


def note_rest_entity_problems(document: Document, path: KeyPath, entity: dict[str, Any]) -> None:
    """Everything about one entity of a `rest` source that its shape does not tell."""
    window = entity.get("window")
    _check_list(document, path, entity, window)
    changes = entity.get("changes")
    if isinstance(changes, dict):
        _check_list(document, (*path, "changes"), changes, window)
        if not isinstance(window, dict):
            document.refuse(
                (*path, "changes"), "`window` is needed beside it, to say how to ask for what changed", of_key=True
            )
        if is_yes(inside(changes.get("paging"), "keep")) or is_yes(inside(entity.get("paging"), "keep")):
            document.refuse((*path, "changes"), "a cursor that is kept needs no other list", of_key=True)
    if isinstance(window, dict) and not window.get("since"):
        document.refuse(
            (*path, "window"), "`since` is needed: the parameter that asks for what changed from then on", of_key=True
        )
    template = window.get("template") if isinstance(window, dict) else None
    if isinstance(template, str) and not ("{since}" in template and "{until}" in template):
        document.refuse((*path, "window", "template"), "wanted a text with {since} and {until} in it")
    if entity.get("each") and entity.get("related"):
        document.refuse((*path, "related"), "both `each` and `related` are given; keep one", of_key=True)
    _check_export(document, path, entity)
    if entity.get("replaces") and not (inside(window, "until") and inside(window, "format") == "day"):
        sentence = "`window` with `since`, `until` and `format` day is needed beside it"
        document.refuse((*path, "replaces"), sentence, of_key=True)
    fields = entity.get("fields")
    fields = {name: text for name, text in fields.items() if isinstance(text, str)} if isinstance(fields, dict) else {}
    expressions: dict[KeyPath, str] = {("fields", name): text for name, text in fields.items()}
    expressions |= {(key,): entity[key] for key in ("where", "deleted") if isinstance(entity.get(key), str)}
    for place, text in expressions.items():
        check_paths(document, (*path, *place), text)
    if is_yes(entity.get("find_deleted")):
        for name in ENTITIES[str(path[-1])].key:
            if name in fields and path_of(fields[name]) is None:
                sentence = f"to find what was deleted, {name} must be a plain path, and it is an expression"
                document.refuse((*path, "fields", name), sentence)


def check_paths(document: Document, path: KeyPath, expression: str) -> None:
    """Note a path in the expression that no column of the server can be named after."""
    if any(len(one.encode()) > LONGEST_PATH for one in paths_of([expression])):
        document.refuse(path, f"a path longer than {LONGEST_PATH} bytes")


def _check_list(document: Document, path: KeyPath, asked: dict[str, Any], window: Any) -> None:
    """What is asked at one address: the list of everything, or that of what changed."""
    if isinstance(asked.get("path"), str) and "://" in asked["path"]:
        document.refuse((*path, "path"), "wanted a path below `url`, such as orders")
    listed = [(key, name) for key in ("params", "start") if isinstance(asked.get(key), dict) for name in asked[key]]
    for place in ((*path, "body"), *((*path, key, name) for key, name in listed)):
        if place in document.templates:
            sentence = "a value of the environment is taken for a secret, and what is asked is kept with every record; use `auth`"
            document.refuse(place, sentence)
    _check_paging(document, (*path, "paging"), asked.get("paging"))
    if asked.get("form"):
        _check_posted(document, (*path, "form"), asked)
        if asked.get("body"):
            document.refuse((*path, "form"), "both `body` and `form` are given; keep one", of_key=True)
    if isinstance(asked.get("body"), str):
        _check_body(document, (*path, "body"), asked, window, {name for _, name in listed})


def _check_posted(document: Document, path: KeyPath, asked: dict[str, Any]) -> None:
    style = str(inside(asked.get("paging"), "style") or "none")
    if style in ("next_link", "link_header"):
        document.refuse(path, f"style {style} follows a link, which a {path[-1]} cannot be sent with", of_key=True)


def _check_body(document: Document, path: KeyPath, asked: dict[str, Any], window: Any, known: set[str]) -> None:
    """A body is JSON in which {name} stands for a parameter that every request has."""
    _check_posted(document, path, asked)
    paging = asked.get("paging")
    style = str(inside(paging, "style") or "none")
    known |= {str(inside(window, key)) for key in ("since", "until")} | {str(inside(paging, "size_param"))}
    if style in ("page", "offset"):
        known.add(str(inside(paging, "param") or style))
    for name in PLACE.findall(asked["body"]):
        if name not in known:
            document.refuse(path, f"{{{name}}} is no parameter of the first request; write `start: {{{name}: …}}`")
    try:
        json.loads(PLACE.sub("0", asked["body"]))
    except ValueError as error:
        document.refuse(path, f"wanted JSON: {error}")


def _check_paging(document: Document, path: KeyPath, paging: Any) -> None:
    if not isinstance(paging, dict):
        return
    style = paging.get("style", "none")
    needed = NEEDS.get(str(style))
    if needed and not paging.get(needed):
        document.refuse(path, f"style {style} needs `{needed}`", of_key=True)
    if paging.get("more") and paging.get("end"):
        document.refuse((*path, "end"), "both `more` and `end` are given; keep one", of_key=True)
    if paging.get("total") and not (style in ("page", "offset") and paging.get("size")):
        document.refuse((*path, "total"), "style page or offset, with `size`, is needed beside it", of_key=True)
    if paging.get("carry") and style != "page":
        document.refuse((*path, "carry"), f"style {style} has no numbers of pages to carry them beside", of_key=True)
    if is_yes(paging.get("keep")) and style != "cursor":
        document.refuse((*path, "keep"), f"style {style} has no cursor to keep", of_key=True)
    if paging.get("size_param") and not paging.get("size"):
        document.refuse((*path, "size_param"), "`size` is needed beside it", of_key=True)
    if style in ("next_link", "link_header") and paging.get("param"):
        document.refuse(
            (*path, "param"), f"style {style} follows the link as it comes and needs no `param`", of_key=True
        )


def _check_export(document: Document, path: KeyPath, entity: dict[str, Any]) -> None:
    if not isinstance(entity.get("export"), dict):
        return
    window = entity.get("window")
    is_whole = inside(window, "since") and inside(window, "until") and inside(window, "format") in WHOLE
    if not is_whole:
        sentence = f"`window` with `since`, `until` and `format` {' or '.join(WHOLE)} is needed beside it"
        document.refuse((*path, "export"), sentence, of_key=True)
    for key in ("records", "each", "related", "start", "paging", "find_deleted"):
        if key in entity:
            document.refuse((*path, key), "an export has no pages, and is a record a line", of_key=True)


def check_address(document: Document, path: KeyPath, *, is_asked: bool = True) -> None:
    """Note what is wrong with the address at `path`, where there is one. Of one that is not asked nobody on the way can read."""
    value = document.at(path)
    if not isinstance(value, str):
        return
    try:
        parts = urlsplit(value.strip())
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host:
        document.refuse(path, f"found {shown(document, path)}; wanted one that begins with https://")
    elif parts.username or parts.password or parts.query:
        document.refuse(
            path, "the address holds more than host and path; secrets belong in `auth`, parameters in `params`"
        )
    elif is_asked and parts.scheme == "http" and not _is_inside(host):
        document.refuse(path, "over http:// whoever is on the way reads the secret and the records; wanted https://")


def _is_inside(host: str) -> bool:
    """Whether a host is of one's own network, by its name or address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(INSIDE)
    return address.is_private
