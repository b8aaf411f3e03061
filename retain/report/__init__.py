"""The report: the marts as one page that a head of retail would put on a wall, and as a picture of it."""

import os
from pathlib import Path

from retain.config import Settings

__all__ = ["write_report"]


def write_report(settings: Settings) -> Path:
    """Write report/retain.html and report/retain.png into the state folder; returns the path of the page.

    Reads schema marts only, as the BI role, in one transaction: what the report shows, any BI tool can show. Raises UserError when
    the marts have not been built, OutOfReach when the warehouse does not answer.
    """
    from retain.report.figures import read_figures
    from retain.report.page import render_page
    from retain.report.panels import panels
    from retain.report.picture import render_picture
    from retain.warehouse import bi_dsn, ensure_running, open_connection

    ensure_running(settings)
    with open_connection(bi_dsn(settings), autocommit=True) as connection:
        figures = read_figures(connection)
    shown = panels(figures, settings.business.calendar)
    folder = settings.state_folder / "report"
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "retain.html"
    _replace(page, render_page(settings, figures, shown).encode())
    _replace(folder / "retain.png", render_picture(settings, figures, shown))
    return page


def _replace(path: Path, content: bytes) -> None:
    """Put the file in place whole: a browser that reloads meanwhile sees the old one or the new one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
