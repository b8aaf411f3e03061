"""Whether each source answers, offers what retain.yml reads of it, and goes by our clock; and forgetting how far it was read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from retain.config import Settings
from retain.errors import NotLetIn, RetainError
from retain.landing import drop_pages, only_one_load
from retain.sources import open_source
from retain.warehouse import connect

State = Literal["good", "warning", "wrong"]


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what to do where it is not good."""

    subject: str
    state: State
    sentence: str
    to_do: str = ""


def check_source(settings: Settings, name: str) -> Iterator[Finding]:
    """Every finding on one source of retain.yml; one that is good where there is none."""
    subject, problems = f"source {name}", 0
    try:
        source = open_source(settings, name)
    except RetainError as error:  # the other sources are looked at all the same
        yield _wrong(subject, error)
        return
    entities = settings.source(name).entities
    for entity in entities:
        try:
            for sentence, to_do in source.check(entity):
                problems += 1
                yield Finding(subject, "warning", f"{entity}: {sentence}", to_do)
        except RetainError as error:
            problems += 1
            yield _wrong(subject, error)
            if error.exit_code == 3 or isinstance(error, NotLetIn):
                return  # the others would say the same
    if not problems:
        yield Finding(subject, "good", f"offers {', '.join(entities)}")


def _wrong(subject: str, error: RetainError) -> Finding:
    to_do = error.hint or "Look at the source, and at its part of retain.yml."
    return Finding(subject, "wrong", error.message, to_do)


def forget(settings: Settings, name: str, entity: str) -> bool:
    """Forget how far an entity was read, and the pages of a load that did not end: the next load reads everything.

    What is in raw stays, and is merged with what comes. Returns whether there was anything to forget. Raises Refused when
    the entity is being loaded.
    """
    with connect(settings) as connection, only_one_load(connection, name, entity):
        given_up = drop_pages(connection, name, entity)
        moved = connection.execute("delete from ops.cursors where source = %s and entity = %s", [name, entity]).rowcount
        connection.commit()
    return bool(given_up or moved)
