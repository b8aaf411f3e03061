"""The demo shop for a bench: filled, with a retain.yml over databases of the bench's own server."""

import os
from pathlib import Path
from unittest.mock import patch

from bench.scratch import url_of
from retain.cli.instance import DEMO_CONFIG, yesterday
from retain.config import Settings, load_settings
from retain.embedded import EmbeddedServer

DEMO_TIMEZONE = "Asia/Yerevan"


def demo_shop(server: EmbeddedServer, folder: Path, customers: int) -> Settings:
    """Fill a shop of so many customers, until yesterday; its truth is in `folder`/truth. Nothing is loaded yet."""
    from retain.demo import fill

    server.create_database("shop")
    shop = server.dsn("shop")
    fill(shop, folder / "tills", folder / "truth", until=yesterday(DEMO_TIMEZONE), customers=customers)
    text = DEMO_CONFIG.read_text().replace("../../.retain/demo/shop/tills", str(folder / "tills"))
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
