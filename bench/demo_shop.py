"""The demo shop for a bench: filled, with a retain.yml over databases of the bench's own server."""

import os
from pathlib import Path
from unittest.mock import patch

from bench.scratch import url_of
from retain.cli.instance import DEMO_CONFIG, yesterday
from retain.config import Settings, load_settings
from retain.embedded import EmbeddedServer, free_port

DEMO_TIMEZONE = "Asia/Yerevan"
SYSTEMS = "${RETAIN_SHOP_SYSTEMS:-http://127.0.0.1:8020}"


def demo_shop(server: EmbeddedServer, folder: Path, customers: int) -> Settings:
    """Fill a shop of so many customers, until yesterday; its truth is in `folder`/truth. Nothing is loaded yet.

    Its web systems answer for as long as this process runs.
    """
    from retain.demo.fill import fill
    from retain.demo.serving import Standing

    server.create_database("shop")
    shop = server.dsn("shop")
    systems, port = folder / "systems", free_port()
    fill(shop, folder / "tills", folder / "truth", systems, until=yesterday(DEMO_TIMEZONE), customers=customers)
    Standing(systems, port)
    text = DEMO_CONFIG.read_text().replace("../../.retain/demo/shop/tills", str(folder / "tills"))
    text = text.replace(SYSTEMS, f"http://127.0.0.1:{port}")
    named = {"USER": shop["user"], "PASSWORD": shop["password"], "PORT": str(shop["port"])}
    with patch.dict(os.environ, {f"RETAIN_SHOP_{name}": value for name, value in named.items()}):
        return settings_over(folder, text.replace("  folder: ../../.retain/demo ", warehouse_of(server)))


def warehouse_of(server: EmbeddedServer) -> str:
    """The line of retain.yml that names a warehouse on `server`, which is made for it."""
    server.create_database("retain")
    return f"  url: {url_of(server.dsn('retain'))}\n"


def settings_over(folder: Path, text: str) -> Settings:
    """The settings of `text`, written as the retain.yml of `folder`."""
    (folder / "retain.yml").write_text(text)
    return load_settings(folder / "retain.yml")
