"""`retain airflow|superset|metrics|stop`, and the commands that containers run: `retain prepare`, `retain shop`."""

import os
import sys
import threading
from pathlib import Path

from retain import warehouse
from retain.cli.instance import (
    DEMO_CONFIG,
    DEMO_FOLDER,
    DEMO_TIMEZONE,
    settings_of,
    shop_of_the_stack,
    yesterday,
)
from retain.cli.screen import console, step
from retain.config import Warehouse, load_warehouse
from retain.embedded import EmbeddedServer
from retain.errors import UserError

OPEN = Path("/tmp/shop-is-open")  # what the container's health check looks for
SECONDS_BETWEEN_LOOKS = 300
SYSTEMS_PORT = 8020  # of RETAIN_SHOP_SYSTEMS in docker-compose.yml
EVERY_ADDRESS = "0.0.0.0"  # of the container


def airflow(config: Path | None, port: int) -> None:
    from retain.airflow import run_airflow

    run_airflow(settings_of(config), port)


def superset(config: Path | None, port: int) -> None:
    from retain.superset import run_superset

    run_superset(settings_of(config), port)


def metrics(config: Path | None, serve: bool, host: str, port: int) -> None:
    from retain.cli.looking import require_warehouse
    from retain.components import asked_to_stop, refuse_taken_port
    from retain.metrics import collect, exposition, server

    settings = settings_of(config)
    warehouse.ensure_running(settings)

    def page() -> str:  # a server that was stopped stays so: a scrape must not start it
        with warehouse.open_connection(warehouse.dsn(settings)) as connection:
            require_warehouse(connection)
            return exposition(collect(connection, settings))

    if not serve:
        sys.stdout.write(page())
        return
    refuse_taken_port(port, "retain metrics --serve --port")
    page()  # what is wrong now is said now, and not at the first scrape
    with asked_to_stop() as stopping, server(host, port, page) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        console.print(f"Metrics are at http://{host}:{port}/metrics. Ctrl-C stops it.")
        stopping.wait()
        running.shutdown()


def stop(config: Path | None) -> None:
    """Stop the embedded server, without starting the demo's only to stop it."""
    asked_for_demo = config is not None and config.resolve() == DEMO_CONFIG
    if asked_for_demo or (config is None and not Path("retain.yml").exists()):
        folder = DEMO_FOLDER
    else:
        found = _warehouse_of(config)
        if found.url is not None:
            console.print("The warehouse is a server of your own: nothing to stop.")
            return
        assert found.folder is not None
        folder = found.folder
    console.print("Stopped." if EmbeddedServer(folder).stop() else "It was not running.")


def _warehouse_of(config: Path | None) -> Warehouse:
    """Where the server is, also of a retain.yml of which something else is wrong: what runs can be stopped always."""
    try:
        return settings_of(config).warehouse
    except UserError:
        named = os.environ.get("RETAIN_CONFIG")
        found = load_warehouse(Path(named)) if named else None
        if found is None:
            raise
        return found


def prepare(config: Path | None) -> None:
    from retain.airflow.manifest import write_manifest

    settings = settings_of(config)
    with step("Prepare the warehouse") as current:
        warehouse.prepare(settings)
        current.note = f"version {max(warehouse.migrations())}"
    with step("Read the dbt project"):
        write_manifest(settings)


def shop(customers: int) -> None:
    """Fill the demo shop up to yesterday, say so, and add each day when it has ended; until the container is stopped.

    Its web systems answer meanwhile, to the other containers: the port is published nowhere.
    """
    from retain.components import asked_to_stop
    from retain.demo.fill import fill
    from retain.demo.serving import Systems
    from retain.demo.vendors.server import running

    database, folder = shop_of_the_stack()
    systems = folder / "systems"
    with asked_to_stop() as stopping, running(Systems(systems), SYSTEMS_PORT, EVERY_ADDRESS):
        filled_until = None
        while not stopping.is_set():
            if filled_until != (until := yesterday(DEMO_TIMEZONE)):
                with step("Fill the demo shop") as current:
                    filled = fill(
                        database, folder / "tills", folder / "truth", systems, until=until, customers=customers
                    )
                    current.note = str(filled)
                filled_until = until
                OPEN.touch()
            stopping.wait(SECONDS_BETWEEN_LOOKS)
