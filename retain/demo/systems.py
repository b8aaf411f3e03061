"""What each web system of the shop holds until the last day, as files of JSON lines."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from retain.demo.complaints import Complaints, Users, complain, helpdesk_things
from retain.demo.letters import letter_things, letters_of
from retain.demo.points import Entries, Members, collect, point_things
from retain.demo.serving import COLLECTIONS, HELPDESK, LETTERS, POINTS, STOREFRONT
from retain.demo.simulation import Simulation
from retain.demo.storefront import Storefront, storefront_of, storefront_things


@dataclass(frozen=True)
class Held:
    """What the systems hold until the last day, numbered as they number it."""

    storefront: Storefront
    complaints: Complaints
    users: Users
    members: Members
    entries: Entries


def held(simulation: Simulation) -> Held:
    return Held(storefront_of(simulation), *complain(simulation), *collect(simulation))


def system_files(simulation: Simulation, holds: Held) -> Iterable[tuple[str, str]]:
    """Every collection as (path below the systems' folder, a line of JSON each thing)."""
    things = {
        STOREFRONT: storefront_things(simulation, holds.storefront),
        HELPDESK: helpdesk_things(simulation, holds.complaints, holds.users),
        LETTERS: letter_things(simulation, letters_of(simulation)),
        POINTS: point_things(simulation, holds.members, holds.entries),
    }
    written = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
    for system, collections in things.items():
        for name, found in collections.items():
            yield f"{system}/{name}.jsonl", "".join(f"{written(thing)}\n" for thing in found)


def paths_of(folder: Path) -> list[Path]:
    return [folder / system / f"{name}.jsonl" for system, names in COLLECTIONS.items() for name in names]
