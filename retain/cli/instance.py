"""Which retain.yml a command means, and the demo's own surroundings."""

import os
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from retain.config import Settings, load_settings
from retain.embedded import OWNER, EmbeddedServer, free_port, port_is_taken
from retain.errors import UserError
from retain.state_folder import secret

if TYPE_CHECKING:
    from retain.demo.serving import Standing

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO_CONFIG = REPOSITORY / "examples" / "demo" / "retain.yml"
DEMO_FOLDER = REPOSITORY / ".retain" / "demo"
SHOP_DATABASE = "shop"
DEMO_TIMEZONE = "Asia/Yerevan"


def settings_of(config: Path | None) -> Settings:
    """The settings of --config, $RETAIN_CONFIG, ./retain.yml, or the demo once it was made; remembered in RETAIN_CONFIG."""
    path = config or _from_environment() or _here() or _demo_if_made()
    if path is None:
        raise UserError(
            "There is no retain.yml here.",
            hint="Name one with --config, copy examples/demo/retain.yml, or see everything with `bin/retain demo`.",
        )
    path = path.resolve()
    if path == DEMO_CONFIG:
        enter_demo()
    os.environ["RETAIN_CONFIG"] = str(path)
    return load_settings(path)


def is_found_unnamed(path: Path) -> bool:
    """Whether a command that is typed here means this retain.yml without being told."""
    here = _here()
    return path == (here.resolve() if here else DEMO_CONFIG)


def _from_environment() -> Path | None:
    named = os.environ.get("RETAIN_CONFIG")
    return Path(named) if named else None


def _here() -> Path | None:
    return Path("retain.yml") if Path("retain.yml").exists() else None


def _demo_if_made() -> Path | None:
    return DEMO_CONFIG if (DEMO_FOLDER / "server.json").exists() else None


def enter_demo() -> dict[str, Any]:
    """Start the demo's server and systems, set the variables that examples/demo/retain.yml names; returns the shop's
    connection."""
    server = EmbeddedServer(DEMO_FOLDER)
    server.start()
    server.create_database(SHOP_DATABASE)
    shop = server.dsn(SHOP_DATABASE)
    os.environ["RETAIN_SHOP_USER"] = OWNER
    os.environ["RETAIN_SHOP_PASSWORD"] = secret(DEMO_FOLDER, "owner_password")
    os.environ["RETAIN_SHOP_PORT"] = str(shop["port"])
    os.environ["RETAIN_SHOP_SYSTEMS"] = serve_demo_systems().address
    return shop


@cache
def serve_demo_systems() -> "Standing":
    """Serve the demo shop's web systems for as long as this process runs. What was read of them is known by their address,
    so the port stays the same, unless another program took it."""
    from retain.demo.serving import Standing, answers_at

    folder, kept = DEMO_FOLDER / "shop" / "systems", DEMO_FOLDER / "systems.port"
    port = int(kept.read_text()) if kept.exists() else 0
    if port == 0 or (port_is_taken(port) and not answers_at(port, folder)):
        kept.write_text(str(port := free_port()))
    return Standing(folder, port)


def shop_of_the_stack() -> tuple[dict[str, Any], Path]:
    """The demo shop's connection and folder where it is a container of its own: what docker-compose.yml sets."""
    try:
        shop = {key: os.environ[f"RETAIN_SHOP_{key.upper()}"] for key in ("host", "port", "user", "password")}
        tills = Path(os.environ["RETAIN_SHOP_TILLS"])
    except KeyError as missing:
        raise UserError(
            f"The environment has no variable {missing.args[0]}: this command is for the container `shop`.",
            hint="`bin/retain demo` fills a demo shop on this machine.",
        ) from None
    return {**shop, "dbname": SHOP_DATABASE}, tills.parent


def yesterday(timezone: str) -> date:
    return (datetime.now(ZoneInfo(timezone)) - timedelta(days=1)).date()
