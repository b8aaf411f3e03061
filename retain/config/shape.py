"""What pydantic found wrong with the shape of retain.yml, said so that a person can mend it."""

import re

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from retain.config.alerting import CHANNEL_TYPES, CHANNELS, Alerts
from retain.config.document import Document, KeyPath, inside
from retain.config.gating import Gate, GateOfSource
from retain.config.identity import Identity, Limits
from retain.config.keeping import Landing, Maintenance
from retain.config.model import (
    Business,
    FilesEntity,
    FilesSource,
    Forecast,
    Settings,
    SqlEntity,
    SqlSource,
    Warehouse,
)
from retain.config.ready_made import ready_made
from retain.config.rest import AUTHS, Asked, Changes, Paging, Rate, RestEntity, RestSource
from retain.config.shopify import ShopifyEntity, ShopifySource
from retain.config.wording import meant, one_of, shown

TYPES = ("sql", "files", "rest", "shopify")
OF_TYPE: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
    "sql": (SqlSource, SqlEntity),
    "files": (FilesSource, FilesEntity),
    "rest": (RestSource, RestEntity),
    "shopify": (ShopifySource, ShopifyEntity),
}
OF_REST: dict[str, type[BaseModel]] = {"rate": Rate, "paging": Paging, "window": Asked, "changes": Changes}
SECTIONS: dict[str, type[BaseModel]] = {
    "business": Business,
    "forecast": Forecast,
    "gate": Gate,
    "identity": Identity,
    "alerts": Alerts,
    "landing": Landing,
    "maintenance": Maintenance,
    "warehouse": Warehouse,
}


def note_shape_problems(document: Document, error: ValidationError) -> None:
    """Turn what pydantic found into problems of the document."""
    for detail in error.errors(include_url=False, include_context=True):
        path = _without_union_tags(document, detail["loc"])
        if detail["type"] == "too_short" and document.at(path):
            continue  # its items are wrong, and each is told by itself
        sentence, of_key = _shape_sentence(document, path, detail)
        document.refuse(path, sentence, of_key=of_key)


def _without_union_tags(document: Document, location: tuple[str | int, ...]) -> KeyPath:
    path: KeyPath = ()
    for index, step in enumerate(location):
        after_a_source = index == 2 and location[0] == "sources" and step in TYPES
        after_an_auth = index == 4 and location[0] == "sources" and location[3] == "auth" and step in AUTHS
        after_a_channel = index == 3 and location[:2] == ("alerts", "to") and step in CHANNEL_TYPES
        if not (after_a_source or after_an_auth or after_a_channel) and step != "[key]":
            path = (*path, step)
    return path


def _model_at(document: Document, path: KeyPath) -> type[BaseModel] | None:
    """The model that describes what stands at `path`."""
    if not path:
        return Settings
    if path[:2] == ("alerts", "to") and len(path) == 3:
        return CHANNELS.get(str(inside(document.at(path), "type")))
    if path == ("identity", "limits"):
        return Limits
    if path[0] != "sources":
        return SECTIONS.get(str(path[0])) if len(path) == 1 else None
    kind = inside(document.at(path[:2]), "type")
    of_source, of_entity = OF_TYPE.get(str(kind), OF_TYPE["sql"])
    if len(path) == 2:
        return of_source
    if len(path) == 3 and path[2] == "gate":
        return GateOfSource
    if len(path) == 4 and path[2] == "entities":
        return of_entity
    if kind == "rest" and len(path) == 3 and path[2] == "auth":
        return AUTHS.get(str(inside(document.at(path), "type")))
    return OF_REST.get(str(path[-1])) if kind == "rest" and len(path) in (3, 5, 6) else None


def _shape_sentence(document: Document, path: KeyPath, detail: ErrorDetails) -> tuple[str, bool]:
    """A sentence, and whether it is about the key rather than about the value."""
    kind, context, found = detail["type"], detail.get("ctx", {}), shown(document, path)
    if kind == "extra_forbidden":
        model = _model_at(document, path[:-1])
        keys = [key for key in model.model_fields if key != "path"] if model else []
        return f"no such key; {one_of(keys)}{meant(str(path[-1]), keys)}", True
    if kind == "missing":
        model = _model_at(document, path[:-1])
        about = model.model_fields[str(path[-1])].description if model and path[-1] in model.model_fields else None
        return f"this key is needed. {about}" if about else "this key is needed", False
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return f"found {found}; {one_of(allowed)}{meant(str(document.at(path)), allowed)}", False
    types = (
        CHANNEL_TYPES
        if path[:1] == ("alerts",)
        else tuple(AUTHS)
        if path[-1:] == ("auth",)
        else (*TYPES, *ready_made())
    )
    if kind == "union_tag_not_found":
        return f"`type` is needed; {one_of(types)}", False
    if kind == "union_tag_invalid":
        return (
            f"found type {shown(document, (*path, 'type'))}; {one_of(types)}{meant(str(context['tag']), types)}",
            False,
        )
    for start, wanted in WANTED.items():
        if kind.startswith(start):
            return f"found {found}; wanted {wanted}", False
    if kind in ("too_short", "string_too_short"):
        return "found nothing; at least one is needed", False
    bounds = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [f"{words} {context[bound]}" for bound, words in bounds.items() if bound in context]
    if limits:
        return f"found {found}; wanted {' and '.join(limits)}", False
    return f"found {found}; {detail['msg']}", False


# How pydantic's error types begin, and what was wanted in words.
WANTED = {
    "date": "a day as YYYY-MM-DD",
    "int": "a whole number",
    "decimal": "a number",
    "float": "a number",
    "bool": "true or false",
    "finite_number": "a number",
    "string_type": "a text",
    "path_type": "a path",
    "dict_type": "lines of `key: value` below it",
    "model": "lines of `key: value` below it",
    "tuple_type": "a list: lines that begin with `- `",
}
