"""How far each source has come: up to which moment everything it had is validated and published."""

from datetime import datetime
from typing import Any

import psycopg

from retain.config import Settings


def verified_through(connection: psycopg.Connection[Any], settings: Settings) -> dict[tuple[str, str], datetime | None]:
    """By (source, entity) of retain.yml: the end of the newest window that was published; None when none ever was.

    A refused load, a source that cannot be read, and one that is late with its news, move nothing. Nor does a backfill: it
    fills time that was covered. A source as a whole is complete up to the earliest of its entities, as the mart
    `load_health` has it.
    """
    rows = connection.execute(
        "select source, entity, max(coalesce(window_to, landed_at)) from ops.loads "
        "where status = 'published' and kind in ('incremental', 'full') and not is_late group by source, entity"
    ).fetchall()
    known = {(source, entity): moment for source, entity, moment in rows}
    return {
        (source.name, entity): known.get((source.name, entity))
        for source in settings.sources
        for entity in source.entities
    }
