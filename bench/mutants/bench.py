"""Runs the unit tests over copies of the dbt project that differ from it in one rule a model."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.build import shop
from bench.mutants.rules import MUTANTS, Mutant
from bench.scratch import scratch_folder, scratch_server, url_of
from retain import transform, warehouse
from retain.config import Settings, load_settings
from retain.errors import RetainError, UserError

Tell = Callable[[str], None]
FILES = sorted({Path(mutant.file).stem for mutant in MUTANTS})


def measure(tell: Tell, *, only: list[str] = FILES) -> dict[str, Any]:
    """Judge every mutant, or those of the models named by `only`; returns the document. The warehouse it needs is empty."""
    chosen = [mutant for mutant in MUTANTS if Path(mutant.file).stem in only]
    if not chosen:
        raise UserError(f"There is no mutant of {', '.join(only)}.", hint=f"There are some of: {', '.join(FILES)}.")
    with scratch_folder("mutants") as folder, scratch_server(folder) as server:
        server.create_database("retain")
        text = shop.CONFIG.format(as_of=shop.LAST_DAY, url=url_of(server.dsn("retain")))
        (folder / "retain.yml").write_text(text)
        settings = load_settings(folder / "retain.yml")
        warehouse.prepare(settings)
        tell("the tables, empty")
        transform.build(settings)
        broken = failing_models(settings, transform.PROJECT, {mutant.model for mutant in chosen})
        if broken:  # whatever is said wrongly there would look as if it had been noticed
            raise RetainError(
                f"Unit tests of {', '.join(sorted(broken))} do not hold as the rules stand.", hint="Mend them first."
            )
        verdicts = []
        for number, together in enumerate(rounds(chosen)):
            tell(f"round {number + 1}: {len(together)} mutants")
            project = mutated(together, folder / f"round-{number}")
            failed = failing_models(settings, project, [mutant.model for mutant in together])
            verdicts += [(mutant, mutant.model in failed) for mutant in together]
    return {
        "mutants": len(verdicts),
        "killed": sum(noticed for _, noticed in verdicts),
        "alive": [
            {"rule": mutant.rule, "file": mutant.file, "was": mutant.was, "becomes": mutant.becomes}
            for mutant, noticed in verdicts
            if not noticed
        ],
        "by_file": {
            file: [
                f"{mutant.rule}: {'killed' if noticed else 'ALIVE'}"
                for mutant, noticed in verdicts
                if mutant.file == file
            ]
            for file in dict.fromkeys(mutant.file for mutant, _ in verdicts)
        },
    }


def rounds(mutants: Iterable[Mutant]) -> list[list[Mutant]]:
    """Mutants that one run of dbt can judge: one a model, as each is judged by the tests of its own."""
    together: list[list[Mutant]] = []
    for mutant in mutants:
        fit = next((one for one in together if mutant.model not in {other.model for other in one}), None)
        if fit is None:
            together.append([mutant])
        else:
            fit.append(mutant)
    return together


def mutated(mutants: Sequence[Mutant], folder: Path) -> Path:
    """A copy of the dbt project with these changes. Raises RetainError where the text of a rule is no longer what it was."""
    shutil.copytree(transform.PROJECT, folder)
    for mutant in mutants:
        path = folder / mutant.file
        text = path.read_text(encoding="utf-8")
        if text.count(mutant.was) != 1:
            raise RetainError(
                f"The rule '{mutant.rule}' is written {text.count(mutant.was)} times in {mutant.file}, not once: {mutant.was!r}.",
                hint="The model has changed: say in bench/mutants/rules.py how the rule reads now.",
            )
        path.write_text(text.replace(mutant.was, mutant.becomes), encoding="utf-8")
    return folder


def failing_models(settings: Settings, project: Path, models: Iterable[str]) -> set[str]:
    """Those of the models of which a unit test does not hold, or cannot be run."""
    from dbt.cli.main import dbtRunner

    command = [word.replace(str(transform.PROJECT), str(project)) for word in transform.arguments(settings, "test")]
    chosen = [f"{model},test_type:unit" for model in models]
    with patch.dict(os.environ, transform.environment(settings)):
        outcome = dbtRunner().invoke(["--quiet", "--log-level", "none", *command, "--select", *chosen])
    if outcome.exception is not None:
        raise RetainError(f"dbt could not run: {outcome.exception}")
    results = getattr(outcome.result, "results", [])
    return {
        str(result.node.unique_id).split(".")[2] for result in results if str(result.status) not in ("pass", "success")
    }


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: a line a rule."""
    return ["file", "rule", ""], [
        [file.rsplit("/", 1)[1], *said.rsplit(": ", 1)]
        for file, all_said in document["by_file"].items()
        for said in all_said
    ]


def headline(document: dict[str, Any]) -> list[str]:
    """How many died, and what a survivor looks like."""
    said = [f"{document['killed']} of {document['mutants']} mutants killed by unit tests (goal: all)"]
    return said + [f"  {one['file']}: {one['rule']}: {one['was']!r} → {one['becomes']!r}" for one in document["alive"]]
