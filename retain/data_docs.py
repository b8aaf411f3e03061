"""Great Expectations' Data Docs of the last loads: one page a load, under <state folder>/data_docs.

The results of every judged load are kept as JSON, which takes no time; a page is made of them at once where something is
wrong with the load, else when somebody asks for it. Pages hold counts, rules and sentences, never a value of a row. Great
Expectations draws them; what its pages would fetch from other hosts is left out, so that they open offline and tell nobody.
"""

import html
import json
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from retain import config
from retain.config import Settings

PAGE, KEPT = re.compile(r"load_(\d+)(_habits)?\.html"), re.compile(r"load_(\d+)\.json")
FETCHED = re.compile(r"<script[^>]*\bsrc=[^>]*>\s*</script>|<link[^>]*\bhref=[^>]*>", re.DOTALL)
SHOWN = re.compile(r"<iframe.*?</iframe>|<img[^>]*>|<footer.*?</footer>|background: url\('https?:[^;]*;", re.DOTALL)
LINKED = re.compile(r"<a [^>]*href=\"(?!#)[^>]*>(?P<words>.*?)</a>", re.DOTALL)
SCRIPTS = re.compile(r"<script.*?</script>", re.DOTALL)
STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
table { border-collapse: collapse; width: 100%; } td, th { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: left; }
.fas { font-style: normal; } .fa-check-circle::before { content: "✓"; color: #1a7f37; } .fa-times::before { content: "✗"; color: #b3261e; }
.fa-exclamation-triangle::before { content: "!"; color: #9a6700; } .retain { border-left: 4px solid #9a6700; padding-left: 1rem; }
.modal, nav, button, .navbar, .btn { display: none; }
</style>"""
log = logging.getLogger(__name__)


def folder_of(settings: Settings) -> Path:
    return settings.state_folder / "data_docs"


def keep(settings: Settings, load_id: int, title: str, told: Iterable[str], results: list[Any]) -> None:
    """Keep the results of a load, forget those of loads long past, and make its pages if there is something to tell.

    `told` are the findings against the load, in words. Whatever goes wrong here never fails a load: its results are in
    `ops.validation_results` all the same.
    """
    most, sentences = settings.gate.data_docs, list(told)
    if not most or not results:
        return
    folder = folder_of(settings)
    try:
        document = {"title": title, "told": sentences, "results": [result.to_json_dict() for result in results]}
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"load_{load_id}.json", json.dumps(document))
        _forget(folder, most)
        if sentences:
            _make(folder, load_id)
    except Exception as error:  # a full disk, or a page that Great Expectations cannot draw
        log.warning("Data Docs of load %s could not be made: %s", load_id, error)


def delete_old(settings: Settings) -> None:
    """Delete the pages of all loads but the last `gate.data_docs`: fewer are kept since retain.yml says so, or no load came since."""
    folder = folder_of(settings)
    if folder.is_dir():
        _forget(folder, settings.gate.data_docs)


def path_of(load_id: int, settings: Settings | None = None) -> Path | None:
    """The page of a load, made now if it was not yet; None when its results are kept no more."""
    folder = folder_of(settings or config.settings())
    page = folder / f"load_{load_id}.html"
    if page.exists():
        return page
    if not (folder / f"load_{load_id}.json").exists():
        return None
    _make(folder, load_id)
    return page


def _make(folder: Path, load_id: int) -> None:
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    import expectations.kinds  # noqa: F401 -- Great Expectations must know the kinds that the results are of

    document = json.loads((folder / f"load_{load_id}.json").read_text(encoding="utf-8"))
    names = [f"load_{load_id}.html", f"load_{load_id}_habits.html"][: len(document["results"])]
    for name, result in zip(names, document["results"], strict=True):
        loaded = expectationSuiteValidationResultSchema.load(result)
        drawn = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(loaded))  # type: ignore[no-untyped-call]
        others = [other for other in names if other != name]
        _write(folder / name, alone(drawn, document["title"], document["told"], others))


def alone(drawn: str, title: str, told: Iterable[str], others: Iterable[str]) -> str:
    """A page of Great Expectations without what it would fetch, with what Retain says of the load above it."""
    page = SHOWN.sub("", SCRIPTS.sub("", FETCHED.sub("", drawn)))
    page = LINKED.sub(lambda match: match["words"], page)
    sentences = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in told)
    links = "".join(f'<p><a href="{other}">{_label(other)}</a></p>' for other in others)
    head = f'<div class="retain"><h1>{html.escape(title)}</h1><ul>{sentences}</ul>{links}</div>'
    page = page.replace("</head>", f"{STYLE}</head>", 1)
    return re.sub(r"(<body[^>]*>)", lambda match: match[1] + head, page, count=1)


def _label(page: str) -> str:
    return "The load beside what is usual" if page.endswith("_habits.html") else "The rows of the load"


def _forget(folder: Path, most: int) -> None:
    numbers = sorted((int(match[1]) for path in folder.iterdir() if (match := KEPT.fullmatch(path.name))), reverse=True)
    kept = set(numbers[:most])
    for path in folder.iterdir():
        match = KEPT.fullmatch(path.name) or PAGE.fullmatch(path.name)
        if match and int(match[1]) not in kept:
            path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Whole or not at all: another process may read it."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
