"""Structured logs: what happens to each load, told to Python's logging, and as lines of JSON when RETAIN_LOG=json asks for it."""

import json
import logging
import sys
import time
from typing import Any, TextIO

from retain.errors import UserError

ROOT = "retain"
log = logging.getLogger("retain.loads")


def tell(event: str, load_id: int, source: str, entity: str, **counts: int) -> None:
    """One event of a load (landed, failed, validated, refused, published) with its number, and how many rows it is of.

    Nothing that a source sent is in it: what is said of a load goes where logs go.
    """
    words = " ".join(f"{name}={value}" for name, value in counts.items())
    fields = {"event": event, "load_id": load_id, "source": source, "entity": entity, **counts}
    level = logging.WARNING if event in ("failed", "refused") else logging.INFO
    log.log(level, "load %d of %s %s %s %s", load_id, source, entity, event, words, extra={"retain": fields})


class JsonLines(logging.Formatter):
    """A record as one line: time (UTC), level, logger, message, and the fields of `tell`."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, Any] = {
            "at": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().rstrip(),
            **getattr(record, "retain", {}),
        }
        return json.dumps(fields, ensure_ascii=False)


def configure(wanted: str | None, stream: TextIO = sys.stderr) -> None:
    """What the environment's RETAIN_LOG asks for: `json` lines on `stream`; nothing when it is not set.

    Raises UserError for anything else.
    """
    if not wanted:
        log.addHandler(logging.NullHandler())  # Python prints what nobody handles
        return
    if wanted != "json":
        raise UserError(f"RETAIN_LOG is '{wanted}'.", hint="Set it to json for lines of JSON, or leave it out.")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(ROOT)
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
