"""A warehouse that loads from a fake vendor, described by nothing but its type and what that needs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from described import Described
from vendors.server import Vendor, running

from retain import warehouse
from retain.config import load_settings
from retain.sources import http_client


@pytest.fixture
def described(write_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Described]]:
    """Start a vendor and a warehouse: `described(vendor, "smile", "/v1", token="...", more="  rate: ...")`.

    `{url}` in what is said stands for the vendor's address.
    """
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.01)
    served = []

    def made(vendor: Vendor, kind: str, root: str, more: str = "", /, **needs: str) -> Described:
        one = running(vendor)
        one.__enter__()
        served.append(one)
        lines = [f"    {key}: {value}" for key, value in {"type": kind, "url": vendor.url + root, **needs}.items()]
        text = "  - name: one\n" + "\n".join(lines) + f"\n    rate: {{requests: 1000}}\n{more}"
        settings = load_settings(write_config(text.replace("{url}", vendor.url)))
        warehouse.prepare(settings)
        return Described(settings, vendor)

    yield made
    for one in served:
        one.__exit__(None, None, None)
