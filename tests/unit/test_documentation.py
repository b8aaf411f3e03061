"""The pages say what is there: their links lead somewhere, their tables are tables, and their commands are Retain's."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from retain.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
CODE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"(?:^ *|`|--rm |&& )(?:bin/)?retain ([a-z][^`\n]*)", re.MULTILINE)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def unusable(words: list[str]) -> str | None:
    """What is wrong with a command line: a command, an option or an argument too many; None when nothing is."""
    command: Any = get_command(app)
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        alternatives = rest.pop(0).split("|")
        for name in alternatives:
            if name not in command.commands:
                return f"no command {name}"
        command = command.commands[alternatives[0]]
    if command.context_settings.get("ignore_unknown_options"):
        return None
    options = {name: option for option in command.params for name in option.opts if name.startswith("-")}
    places = [part.nargs for part in command.params if not part.opts[0].startswith("-")]
    given = 0
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            given += 1
        elif word not in options:
            return f"no option {word}"
        elif not options[word].is_flag:
            rest = rest[1:]  # its value, or nothing where the page leaves it out
    return "an argument too many" if given > len(places) and -1 not in places else None


def commands(page: Path) -> Iterator[list[str]]:
    for text in TYPED.findall(page.read_text()):
        shown = re.split(r"\s#|\s{2,}|\s\||[;&]|,? or |\. |\)", text)[0].replace("[", "").replace("]", "")
        try:
            yield [word for word in shlex.split(shown) if word not in ("…", "...", "--help")]
        except ValueError:
            yield shown.split()


@every_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", page.read_text())):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@every_page
def test_every_table_has_a_head_and_as_many_cells_in_each_row(page):
    lines = CODE.sub("", page.read_text()).splitlines()
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        if line.startswith("|") and not before.startswith("|"):
            assert re.fullmatch(r"\|[-:| ]+\|", after), line
            assert line.count("|") == after.count("|"), line


@every_page
def test_commands_are_those_that_retain_has(page):
    for words in commands(page):
        assert unusable(words) is None, f"retain {' '.join(words)}: {unusable(words)}"


def test_what_is_wrong_with_a_command_is_found():
    assert unusable(["load", "mixpanel", "--from", "2025-03-01"]) == "an argument too many"
    assert unusable(["load", "--form", "2025-03-01"]) == "no option --form"
    assert unusable(["quarantine", "realease", "1"]) == "no command realease"
    assert unusable(["person", "export|erase|prove"]) is None
    assert unusable(["load", "--source", "till", "--from", "2025-03-01"]) is None
    assert sum(len(list(commands(page))) for page in PAGES) > 100
