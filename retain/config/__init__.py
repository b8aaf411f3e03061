"""The only reader of the environment and of retain.yml: a wrong file is refused with every problem in one message."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from retain.config.alerting import CHANNELS, Alerts
from retain.config.checks import note_meaning_problems, path_problem
from retain.config.currencies import CURRENCIES
from retain.config.document import Document, inside, read_document
from retain.config.gating import Gate
from retain.config.identity import Identity, Limits
from retain.config.keeping import Landing, Maintenance
from retain.config.model import (
    Business,
    FileFormat,
    FilesEntity,
    FilesSource,
    Forecast,
    Settings,
    Source,
    SqlEntity,
    SqlSource,
    Warehouse,
)
from retain.config.ready_made import lay_in
from retain.config.rest import AUTHS, Asked, Paging, Rate, RestEntity, RestSource
from retain.config.segments import Segments
from retain.config.shape import note_shape_problems
from retain.config.shopify import ShopifyEntity, ShopifySource
from retain.errors import UserError

__all__ = [
    "CURRENCIES",
    "Business",
    "FileFormat",
    "FilesEntity",
    "FilesSource",
    "Forecast",
    "Gate",
    "Identity",
    "Landing",
    "Maintenance",
    "RestEntity",
    "RestSource",
    "Settings",
    "ShopifyEntity",
    "ShopifySource",
    "Source",
    "SqlEntity",
    "SqlSource",
    "Warehouse",
    "load_settings",
    "load_warehouse",
    "settings",
]

PARTS: tuple[type[BaseModel], ...] = (
    Settings,
    Business,
    Forecast,
    Gate,
    Alerts,
    Identity,
    Limits,
    Segments,
    Landing,
    Maintenance,
    Warehouse,
    SqlSource,
    FilesSource,
    SqlEntity,
    FilesEntity,
    RestSource,
    RestEntity,
    ShopifySource,
    ShopifyEntity,
    Rate,
    Paging,
    Asked,
    *AUTHS.values(),
    *CHANNELS.values(),
)
KNOWN_KEYS = frozenset(key for part in PARTS for key in part.model_fields)
FROM_SURROUNDINGS = {  # key of `warehouse:` to the variable that sets it; all of the section, once there is the first
    "url": "RETAIN_WAREHOUSE_URL",
    "folder": "RETAIN_STATE_FOLDER",
    "bi_password": "RETAIN_BI_PASSWORD",
}
TAB_NAMES = ("tab", r"\t")


def settings() -> Settings:
    """The settings of the file that RETAIN_CONFIG names, else of ./retain.yml; read again when the file changes."""
    path = Path(os.environ.get("RETAIN_CONFIG", "retain.yml")).absolute()
    try:
        changed_at = path.stat().st_mtime_ns
    except OSError:
        changed_at = 0
    return _cached(path, changed_at)


@functools.lru_cache(maxsize=8)
def _cached(path: Path, changed_at: int) -> Settings:
    return load_settings(path)


def load_settings(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read retain.yml; ${NAME} comes from `environment`, by default the process's own.

    Raises UserError with every problem of the file: line, key, what was found, what is allowed. Nothing is touched.
    """
    path = Path(path).absolute()
    document = read_document(path, environment)
    if document.values is None:
        raise _refusal(path, document)
    said = _warehouse_of_surroundings(environment)
    if said is not None:
        document.values["warehouse"] = said
    lay_in(document)
    note_meaning_problems(document)
    result: Settings | None = None
    try:
        result = Settings.model_validate({**_prepared(document.values, path.parent), "path": path})
    except ValidationError as error:
        note_shape_problems(document, error)
    if "path" in document.values:
        document.refuse(("path",), "no such key", of_key=True)
    if result is None or document.problems:
        raise _refusal(path, document)
    return result


def load_warehouse(path: Path, environment: Mapping[str, str] | None = None) -> Warehouse | None:
    """What retain.yml says of the warehouse alone, whatever else is wrong with it; None where that cannot be read."""
    path = Path(path).absolute()
    said: Any = _warehouse_of_surroundings(environment)
    if said is None:
        values = read_document(path, environment).values
        if values is None:
            return None
        said = values.get("warehouse", {})
    try:
        return Warehouse.model_validate(_prepared({"warehouse": said}, path.parent)["warehouse"])
    except ValidationError:
        return None


def _warehouse_of_surroundings(environment: Mapping[str, str] | None) -> dict[str, str] | None:
    """The warehouse of a container: the same retain.yml that runs on a laptop runs there, on a server and in a folder of its own.

    None where the environment names no server.
    """
    surroundings = os.environ if environment is None else environment
    if not surroundings.get(FROM_SURROUNDINGS["url"]):
        return None
    return {key: surroundings[name] for key, name in FROM_SURROUNDINGS.items() if surroundings.get(name)}


def _refusal(path: Path, document: Document) -> UserError:
    lines = []
    for problem in document.problems:
        where = f"{path.name}:{problem.line}" if problem.line else path.name
        lines.append(f"  {where}  {problem.key}{': ' if problem.key else ''}{problem.sentence}")
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    return UserError(f"{path} cannot be used: {count}.\n" + "\n".join(lines))


def _prepared(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values with absolute paths, tabs as tabs, and a folder for the warehouse."""
    values = _without_nulls(values)
    warehouse = values.get("warehouse", {})
    if isinstance(warehouse, dict):
        if "url" not in warehouse:
            warehouse = {"folder": ".retain", **warehouse}
        if isinstance(warehouse.get("folder"), str):
            warehouse = {**warehouse, "folder": _absolute(warehouse["folder"], folder)}
        values["warehouse"] = warehouse
    for source in values["sources"] if isinstance(values.get("sources"), list) else []:
        if isinstance(inside(source, "folder"), str):
            source["folder"] = _absolute(source["folder"], folder)
        if isinstance(inside(inside(source, "auth"), "key_file"), str):
            source["auth"]["key_file"] = _absolute(source["auth"]["key_file"], folder)
        entities = inside(source, "entities")
        for entity in entities.values() if isinstance(entities, dict) else []:
            if inside(entity, "delimiter") in TAB_NAMES:
                entity["delimiter"] = "\t"
    return values


def _absolute(written: str, folder: Path) -> Path:
    path = Path(written) if path_problem(written) else Path(written).expanduser()
    return Path(os.path.normpath(folder / path))  # links are kept: a till's folder may be one


def _without_nulls(value: Any) -> Any:
    """Known keys without a value are as good as absent; an unknown one, or a field mapped to nothing, is a mistake."""
    if isinstance(value, dict):
        return {
            key: item if key in ("fields", "defaults", "params", "start", "headers", "hints") else _without_nulls(item)
            for key, item in value.items()
            if item is not None or key not in KNOWN_KEYS
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
