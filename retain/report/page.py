"""The page: one HTML file with everything in it, that opens offline and asks nobody for anything."""

import base64
import hashlib
import json
from datetime import timedelta
from importlib import resources
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from retain.config import Settings
from retain.report import formats, sureness
from retain.report.charts import theme
from retain.report.figures import Figures
from retain.report.panels import Panel, View
from retain.report.tiles import tiles

COLOURS = ("INK", "MUTED", "FAINT", "RULE", "PAPER", "CARD", "DEEP", "MID", "PALE", "WARM", "AMBER", "SAND")


def render_page(settings: Settings, figures: Figures, panels: list[Panel]) -> str:
    """The whole page as text. Everything that comes from the shop is escaped; the only scripts that run are the two by hash."""
    library = _in_script("(() => {\n" + vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;") + "\n})();")
    drawing = _in_script(_text("page.js"))
    colours = "".join(f"--{name.lower()}: {getattr(theme, name)};" for name in COLOURS)
    style = f":root {{{colours}--font: {theme.FONT};}}\n{_text('page.css')}"
    environment = Environment(
        loader=PackageLoader("retain.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(whole=formats.whole, title=sureness.title)
    backcast = sureness.newest_backcast(figures.models)
    return environment.get_template("page.html.j2").render(
        business=settings.business,
        key=figures.key,
        as_of=formats.day(figures.key["as_of_on"], settings.business.calendar),
        last_full_day=formats.day(figures.key["observed_until_on"] - timedelta(days=1), settings.business.calendar),
        tiles=tiles(figures, settings.business),
        panels=panels,
        steps=figures.steps,
        loads=figures.loads,
        models=sureness.models(figures.models),
        backcast=backcast,
        grades=sureness.grades(figures.models, backcast, figures.key["currency"]),
        calibration=sureness.calibration(figures.grades),
        remarks=sureness.remarks(figures),
        moment=lambda value: formats.moment(value, settings.business.zone),
        share=formats.share,
        day=formats.day,
        specification=_specification,
        config=_json(theme.CONFIG),
        library=Markup(library),
        drawing=Markup(drawing),
        style=Markup(style),
        policy=_policy(scripts=[library, drawing], styles=[style]),
    )


def _specification(view: View) -> Markup:
    return _json(view.draw(theme.Size("container", "container" if view.fills else view.height)))


def _json(value: Any) -> Markup:
    """JSON that cannot end the element it stands in, whatever a channel is called."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=float)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _in_script(code: str) -> str:
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(scripts: list[str], styles: list[str]) -> str:
    """Content-Security-Policy: nothing is fetched, and nothing runs or styles that was not written here."""

    def hashes(texts: list[str]) -> str:
        digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{digest}'" for digest in digests)

    return f"default-src 'none'; script-src {hashes(scripts)}; style-src {hashes(styles)}; base-uri 'none'; form-action 'none'"


def _text(name: str) -> str:
    return (resources.files("retain.report") / "templates" / name).read_text(encoding="utf-8")
