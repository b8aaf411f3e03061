"""A warehouse that loads from a fake vendor, described by nothing but its type and what that needs, or by an example as it stands."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from described import Described
from vendors.server import Vendor, running

from retain import warehouse
from retain.config import Settings, load_settings
from retain.sources import http_client

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def prepared(write_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Vendor, str], Settings]]:
    """Start a vendor, and prepare a warehouse whose source is the text in which `{url}` stands for the vendor's address."""
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.01)
    with ExitStack() as served:

        def made(vendor: Vendor, source: str) -> Settings:
            served.enter_context(running(vendor))
            settings = load_settings(write_config(source.replace("{url}", vendor.url)))
            warehouse.prepare(settings)
            return settings

        yield made


@pytest.fixture
def described(prepared: Callable[[Vendor, str], Settings]) -> Callable[..., Described]:
    """Start a vendor and a warehouse: `described(vendor, "smile", "/v1", token="...", more="  rate: ...")`."""

    def made(vendor: Vendor, kind: str, root: str, more: str = "", /, **needs: str) -> Described:
        lines = [f"    {key}: {value}" for key, value in {"type": kind, "url": "{url}" + root, **needs}.items()]
        text = "  - name: one\n" + "\n".join(lines) + f"\n    rate: {{requests: 1000}}\n{more}"
        return Described(prepared(vendor, text), vendor)

    return made


@pytest.fixture
def from_example(
    prepared: Callable[[Vendor, str], Settings], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Settings]:
    """Start a vendor, and a warehouse by an example's retain.yml and lines of a test's own.

    `from_example(vendor, "zendesk", "    url: ...", TOKEN="...")`: what is named in capitals stands in the environment.
    """

    def made(vendor: Vendor, example: str, own: str, /, **environment: str) -> Settings:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        source = (EXAMPLES / example / "retain.yml").read_text().partition("\nsources:\n")[2]
        return prepared(vendor, f"{source}{own}    rate: {{requests: 1000}}\n")

    return made
