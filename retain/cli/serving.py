"""`retain airflow` and `retain stop`."""

from pathlib import Path

from retain.cli.instance import DEMO_CONFIG, DEMO_FOLDER, settings_of
from retain.cli.screen import console
from retain.embedded import EmbeddedServer


def airflow(config: Path | None, port: int) -> None:
    from retain.airflow import run_airflow

    run_airflow(settings_of(config), port)


def stop(config: Path | None) -> None:
    """Stop the embedded server, without starting the demo's only to stop it."""
    asked_for_demo = config is not None and config.resolve() == DEMO_CONFIG
    if asked_for_demo or (config is None and not Path("retain.yml").exists()):
        folder = DEMO_FOLDER
    else:
        settings = settings_of(config)
        if settings.warehouse.url is not None:
            console.print("The warehouse is a server of your own: nothing to stop.")
            return
        folder = settings.state_folder
    console.print("Stopped." if EmbeddedServer(folder).stop() else "It was not running.")
