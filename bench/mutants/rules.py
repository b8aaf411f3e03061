"""The mutants that `rules.yml` lists: each says one rule of docs/metrics.md wrongly, in the file where it is written."""

from dataclasses import dataclass
from pathlib import Path

import yaml

LIST = Path(__file__).with_name("rules.yml")


@dataclass(frozen=True)
class Mutant:
    """`was` is found exactly once in the file; `model` is the one whose unit tests have to notice."""

    rule: str
    file: str
    was: str
    becomes: str
    model: str


def _listed() -> list[Mutant]:
    return [
        Mutant(rule, part["file"], was, becomes, part.get("judge", Path(part["file"]).stem))
        for part in yaml.safe_load(LIST.read_text(encoding="utf-8"))
        for rule, was, becomes in part["changes"]
    ]


MUTANTS = _listed()
