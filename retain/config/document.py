"""retain.yml as plain values, with the line of each: every scalar is the text that was written, ${NAME} replaced."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

KeyPath = tuple[str | int, ...]

CORE_TAG = "tag:yaml.org,2002:"
VARIABLE = re.compile(r"\$\{([^}]*)\}")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with retain.yml. `line` counts from 1; 0 is the file as a whole."""

    line: int
    key: str
    sentence: str


@dataclass
class Document:
    """`values`: dict, list, str or None, all the way down. `key_lines` and `value_lines` count from 1."""

    values: Any = None
    key_lines: dict[KeyPath, int] = field(default_factory=dict)
    value_lines: dict[KeyPath, int] = field(default_factory=dict)
    templates: dict[KeyPath, str] = field(default_factory=dict)  # what was written where a ${NAME} was replaced
    not_given: set[str] = field(default_factory=set)  # what stands where a needed key would: of it nothing else is told
    _problems: list[tuple[int, KeyPath, str]] = field(default_factory=list)

    def refuse(self, path: KeyPath, sentence: str, *, of_key: bool = False, line: int | None = None) -> None:
        """Note a problem with the value at `path` (or with its key)."""
        self._problems.append((self.line(path, of_key) if line is None else line, path, sentence))

    @property
    def problems(self) -> list[Problem]:
        """Every problem so far, once, in the order of the file."""
        told = [one for one in self._problems if not any(name in one[2] for name in self.not_given)]
        return sorted({Problem(line, self.name(path), sentence) for line, path, sentence in told})

    def line(self, path: KeyPath, of_key: bool = False) -> int:
        """The line of a value (or of its key), or of the nearest thing around it that exists."""
        if path in self.value_lines and not of_key:
            return self.value_lines[path]
        return next((self.key_lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.key_lines), 1)

    def name(self, path: KeyPath) -> str:
        """`("sources", 0, "url")` as a person would say it: `sources.shop.url`, or `sources[1].url` without a name."""
        text, value = "", self.values
        for step in path:
            value = inside(value, step)
            if isinstance(step, str):
                text += f".{step}" if text else step
                continue
            name = inside(value, "name")
            text += f".{name}" if isinstance(name, str) and name else f"[{step + 1}]"
        return text

    def at(self, path: KeyPath) -> Any:
        """The value at `path`, or None."""
        value = self.values
        for step in path:
            value = inside(value, step)
        return value


def inside(value: Any, step: str | int) -> Any:
    """What a dict or list holds at `step`, or None."""
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def is_yes(value: Any) -> bool:
    """Whether a value that was not judged yet will be read as true."""
    return str(value).lower() in ("true", "yes", "on", "1")


def read_document(path: Path, environment: Mapping[str, str] | None = None) -> Document:
    """Read retain.yml. What is wrong with it as a document is in `problems`; `values` is None when nothing can be read.

    A value is kept as its text (0.10 stays "0.10", a date stays as written): every reader of a value knows its type.
    """
    document = Document()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        document.refuse((), "there is no such file; name yours with --config, or start from one in examples/", line=0)
        return document
    except IsADirectoryError:
        document.refuse((), "this is a folder; name the retain.yml inside it", line=0)
        return document
    except OSError as error:
        document.refuse((), f"the file cannot be read: {error.strerror}", line=0)
        return document
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        document.refuse((), f"byte {error.start + 1} of the file is not UTF-8; save the file as UTF-8", line=line)
        return document
    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.refuse((), _yaml_sentence(error), line=mark.line + 1 if mark else 0)
        return document
    except RecursionError:
        document.refuse((), "lists or keys stand in one another too deep to be read", line=0)
        return document
    except YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        document.refuse((), "a character that YAML does not allow", line=line)
        return document
    if root is None:
        document.refuse((), "the file is empty; start from one in examples/", line=0)
        return document
    if not isinstance(root, MappingNode):
        line = root.start_mark.line + 1
        document.refuse((), "found no `key: value` lines; start from a file in examples/", line=line)
        return document
    document.values = _Walk(document, os.environ if environment is None else environment).value(root, ())
    return document


def _yaml_sentence(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "it cannot be parsed")
    if "\\t" in problem:
        return "a tab; YAML is indented by spaces only"
    if "another document" in problem:
        return "another document begins here; retain.yml is one document, without ---"
    if "undefined alias" in problem:
        return f"{problem}; a value that begins with * must stand in quotes"
    if "mapping values are not allowed" in problem:
        return "a second colon in one line; put a value that holds ': ' in quotes"
    context = f" {error.context}" if error.context and error.problem else ""
    return f"not YAML: {problem}{context}"


class _Walk:
    """Turns the nodes of one document into values, noting lines, duplicate keys and missing variables."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self.document = document
        self.environment = environment
        self.open: list[Node] = []  # an alias of something still open would never end

    def value(self, node: Node, path: KeyPath) -> Any:
        if node.tag != f"{CORE_TAG}null":  # nothing begins where the next thing does
            self.document.value_lines[path] = node.start_mark.line + 1
        if not str(node.tag).startswith(CORE_TAG):
            self.document.refuse(path, f"the tag {node.tag} means nothing here; write the value without it")
            return None
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        if any(node is outer for outer in self.open):
            self.document.refuse(path, "an alias of the thing it stands in")
            return None
        self.open.append(node)
        value = self.mapping(node, path) if isinstance(node, MappingNode) else self.sequence(node, path)
        self.open.pop()
        return value

    def sequence(self, node: Node, path: KeyPath) -> list[Any]:
        items = []
        for index, item in enumerate(node.value):
            self.document.key_lines[*path, index] = item.start_mark.line + 1
            items.append(self.value(item, (*path, index)))
        return items

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self.document.refuse(path, "a key must be one word", line=line)
                continue
            key = key_node.value
            if str(key_node.tag) == f"{CORE_TAG}merge":
                for part in value_node.value if isinstance(value_node, SequenceNode) else [value_node]:
                    content = self.value(part, path)
                    merged = {**content, **merged} if isinstance(content, dict) else merged
                continue
            key_path = (*path, key)
            if key in values:
                first = self.document.key_lines[key_path]
                self.document.refuse(key_path, f"the key stands here again; the first is in line {first}", line=line)
                continue
            self.document.key_lines[key_path] = line
            values[key] = self.value(value_node, key_path)
        return {**merged, **values}

    def scalar(self, node: ScalarNode, path: KeyPath) -> str | None:
        if str(node.tag) == f"{CORE_TAG}null":
            return None
        text: str = node.value
        if node.style == ">":
            text = text.replace("\a", "")  # ruamel's mark of where a line was folded
        if "\0" in text:
            self.document.refuse(path, "found a NUL character, which no text can hold")
            return None
        if not VARIABLE.search(text):
            return text
        self.document.templates[path] = text
        return VARIABLE.sub(lambda match: self.variable(match[1], path), text)

    def variable(self, written: str, path: KeyPath) -> str:
        """The variable's value; of ${NAME:-otherwise} what follows, as in a shell, where the variable is absent or empty."""
        name, has_default, otherwise = written.partition(":-")
        if not VARIABLE_NAME.fullmatch(name):
            self.document.refuse(path, f"${{{name}}} is not the name of an environment variable; write ${{LIKE_THIS}}")
            return ""
        if has_default and not self.environment.get(name):
            return otherwise
        if name not in self.environment:
            self.document.refuse(path, f"the environment has no variable {name}; set it, e.g. export {name}=…")
            return ""
        return self.environment[name]
