"""What an answer says of itself beside its records: that they are not all there is, and how much of a quota is left."""

from collections.abc import Mapping
from dataclasses import dataclass

import requests

from retain.sources.http_answers import answer_of
from retain.sources.json_paths import value_at

NOTHING: tuple[object, ...] = (None, False, "", "0", [], {})


@dataclass(frozen=True)
class Remarks:
    """Sentences to tell; and what to say of a quota of which no more is left than others are to have, '' of none."""

    told: tuple[str, ...] = ()
    used_up: str = ""


def remarks_of(response: requests.Response, tell: Mapping[str, str], reserve: Mapping[str, int]) -> Remarks:
    """`tell`: a sentence by the path at which an answer has something where it holds. `reserve`: how much is to be left of
    what the answer names at a path."""
    told = tuple(sentence for path, sentence in tell.items() if value_at(answer_of(response), path) not in NOTHING)
    for path, least in reserve.items():
        left = str(value_at(answer_of(response), path))
        if left.isdigit() and int(left) < least:
            return Remarks(told, f"{path} is {left}, and {least:,} are left to others")
    return Remarks(told)
