"""Systems that are described already: each a file of retain/ready_made, laid into retain.yml as a source of type `rest`.

retain.yml names what such a system needs (an account, a key); whatever else it says takes the place of the file's own.
"""

from copy import deepcopy
from functools import cache
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from retain.config.document import Document, KeyPath
from retain.config.wording import meant, one_of, shown

OF_THE_FILE = ("needs", "options")
FOLDER = resources.files("retain") / "ready_made"


@cache
def ready_made() -> tuple[str, ...]:
    """The types that are described."""
    return tuple(sorted(entry.name.removesuffix(".yml") for entry in FOLDER.iterdir() if entry.name.endswith(".yml")))


@cache
def description_of(kind: str) -> dict[str, Any]:
    """The file of a type, a `rest` source with two keys more.

    `needs`: {key: what it is}. `options`: {key: {default, values: {value: entities}}}, where a value may have `needs` of its
    own; or {default, texts: {value: what stands for {key}}}.
    """
    text = (FOLDER / f"{kind}.yml").read_text(encoding="utf-8")
    described: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return described


def lay_in(document: Document) -> None:
    """Put the description of a system into the place of a source that only names it. What is missing or unknown is noted."""
    sources = document.values.get("sources")
    for index, source in enumerate(sources if isinstance(sources, list) else []):
        kind = source.get("type") if isinstance(source, dict) else None
        if kind in ready_made():
            sources[index] = _laid_in(document, ("sources", index), source, deepcopy(description_of(kind)))


def _laid_in(document: Document, here: KeyPath, source: dict[str, Any], file: dict[str, Any]) -> dict[str, Any]:
    needs, options = dict(file.get("needs", {})), file.get("options", {})
    entities: dict[str, Any] = dict(file["entities"])
    texts: dict[str, str] = {}
    for key, option in options.items():
        allowed = option.get("values") or option["texts"]
        chosen = source.get(key, option["default"])
        if chosen not in allowed:
            found = f"found {shown(document, (*here, key))}"
            document.refuse((*here, key), f"{found}; {one_of(allowed)}{meant(str(chosen), allowed)}")
            chosen = option["default"]
        if "texts" in option:
            texts[key] = allowed[chosen]
            continue
        brought = deepcopy(allowed[chosen])
        needs |= brought.pop("needs", {})
        entities |= brought
    given = {key: str(source[key]) for key in needs if isinstance(source.get(key), str) and source[key].strip()}
    for key in needs:
        if key not in given:
            document.refuse((*here, key), f"this key is needed. {needs[key]}")
            document.not_given.add(f"{{{key}}}")
    given |= texts
    wanted = source.get("entities")
    if isinstance(wanted, dict):
        for name in wanted:
            if name not in entities and not isinstance(wanted[name], dict):
                sentence = f"{source['type']} has no {name}; {one_of(entities)}{meant(str(name), entities)}"
                document.refuse((*here, "entities", name), sentence, of_key=True)
        entities = {
            name: _merged(entities.get(name, {}), own or {}) for name, own in wanted.items() if name in entities or own
        }
    own_keys = {key: value for key, value in source.items() if key not in (*needs, *options, "type", "entities")}
    described = {key: value for key, value in file.items() if key not in OF_THE_FILE}
    laid: dict[str, Any] = _filled_in({**described, "entities": entities}, given)
    if own_keys.get("url") not in (None, laid["url"]):
        laid["links_at"] = laid["url"]  # whatever answers there in its place, it may link as the system does
    return {**laid, "type": "rest", **own_keys}


def _merged(base: Any, own: Any) -> Any:
    """Key by key; what is said of its own takes the place. A field that gets a default is no longer mapped, and the reverse."""
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    merged: dict[str, Any] = {**base, **own, **{key: _merged(base[key], own[key]) for key in base.keys() & own.keys()}}
    for part, other in (("fields", "defaults"), ("defaults", "fields")):
        if isinstance(own.get(part), dict) and isinstance(merged.get(other), dict):
            said = own.get(other)
            said = said if isinstance(said, dict) else {}
            merged[other] = {key: value for key, value in merged[other].items() if key not in own[part] or key in said}
    return merged


def _filled_in(value: Any, given: dict[str, str]) -> Any:
    """`{key}` replaced by what retain.yml gives for it, every scalar as the text that stands in a document."""
    if isinstance(value, dict):
        return {str(key): _filled_in(item, given) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled_in(item, given) for item in value]
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
    for key, text in given.items():
        value = value.replace(f"{{{key}}}", text.strip())
    return value
