"""The address at which the web systems of the shop answer, from the files that say what they hold."""

import hashlib
import http.client
import json
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from retain.demo.vendors.klaviyo import Klaviyo
from retain.demo.vendors.server import LOOPBACK, Answer, Request, Vendor, running
from retain.demo.vendors.shopify import Shopify
from retain.demo.vendors.smile import SmileIo
from retain.demo.vendors.zendesk import Zendesk

# The sources' names in examples/demo/retain.yml, and the collections of each.
STOREFRONT, HELPDESK, LETTERS, POINTS = "storefront", "helpdesk", "letters", "points"
COLLECTIONS = {
    STOREFRONT: ("customers", "products", "orders"),
    HELPDESK: ("tickets", "users", "survey_responses"),
    LETTERS: ("events", "profiles", "metrics"),
    POINTS: ("customers", "points_transactions"),
}
SECONDS_BETWEEN_TRIES = 0.2
SECONDS_TO_SAY = 2.0


class Systems(Vendor):
    """All of them behind one address, each below its name. They are read when they are asked, and again when they changed."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, ...], Vendor]] = {}

    def answer(self, request: Request) -> Answer:
        system, _, path = request.path.lstrip("/").partition("/")
        if system not in COLLECTIONS:
            return Answer(said_by(self._folder), 200 if system == "" else 404, content_type="text/plain")
        if not all(path.exists() for path in self._paths(system)):
            return Answer(b"The shop is not filled yet.", 503, content_type="text/plain")
        vendor = self._vendor(system)
        vendor.url = f"http://{request.headers['host']}/{system}"
        return vendor.answer(replace(request, path=f"/{path}"))

    def _paths(self, system: str) -> list[Path]:
        return [self._folder / system / f"{name}.jsonl" for name in COLLECTIONS[system]]

    def _vendor(self, system: str) -> Vendor:
        paths = self._paths(system)
        version = tuple(path.stat().st_mtime_ns for path in paths)
        known = self._read.get(system)
        if known is None or known[0] != version:
            things = {
                path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
                for path in paths
            }
            known = self._read[system] = (version, vendor_of(system, things))
        return known[1]


def vendor_of(system: str, things: dict[str, list[dict[str, Any]]]) -> Vendor:
    """The vendor of one of the systems, holding these things."""
    if system == STOREFRONT:
        shopify = Shopify()
        shopify.things = {name: {number_of(one): one for one in found} for name, found in things.items()}
        return shopify
    if system == HELPDESK:
        zendesk = Zendesk()
        for kind, found in things.items():
            zendesk.things[kind] = {one["id"]: (second_of(one), one) for one in found}
        return zendesk
    if system == LETTERS:
        klaviyo = Klaviyo()
        klaviyo.events = {one["id"]: one for one in things["events"]}
        klaviyo.metrics = {one["id"]: one["name"] for one in things["metrics"]}
        klaviyo.profiles = {one.pop("id"): one for one in things["profiles"]}
        return klaviyo
    smile = SmileIo()
    smile.rows = {name: {one["id"]: one for one in found} for name, found in things.items()}
    return smile


def number_of(thing: dict[str, Any]) -> int:
    """The number that a Shopify id ends with."""
    return int(str(thing["id"]).rpartition("/")[2])


def second_of(thing: dict[str, Any]) -> int:
    """The second of a Zendesk thing's last change: nothing here is written later than it happens."""
    return int(datetime.fromisoformat(thing["updated_at"]).timestamp())


def said_by(folder: Path) -> bytes:
    """What tells the systems of one folder from any other program at the same port."""
    return f"The systems of Aras Market {hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}".encode()


def answers_at(port: int, folder: Path) -> bool:
    """Whether it is these systems that listen at a port of loopback, served by another process."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SECONDS_TO_SAY)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read(1_000) == said_by(folder)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Standing:
    """Serves the systems of a folder at a port until `stop`, or the end of the process. While another process serves them
    there, it waits, and takes over when that one ends."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._stopping, self._tried = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._stand, daemon=True)
        self._thread.start()
        self._tried.wait()

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _stand(self) -> None:
        while not self._stopping.is_set():
            try:
                with running(Systems(self._folder), self._port):
                    self._tried.set()
                    self._stopping.wait()
            except OSError:
                self._tried.set()
                self._stopping.wait(SECONDS_BETWEEN_TRIES)
