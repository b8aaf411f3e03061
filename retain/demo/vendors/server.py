"""A small HTTP server for systems that are asked over the web; it listens on loopback unless it is told otherwise."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    """One request as it came: `params` of the address, names of headers in small letters, `body` as sent."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class Vendor(ABC):
    """A system behind an address. One request is answered at a time."""

    def __init__(self) -> None:
        self.url = ""
        self._lock = threading.Lock()

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """What the vendor's documentation says that it answers."""

    def serve(self, request: Request) -> Answer:
        with self._lock:
            return self.answer(request)


AnyVendor = TypeVar("AnyVendor", bound=Vendor)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client may go away in the middle."""


@contextmanager
def running(vendor: AnyVendor, port: int = 0, host: str = LOOPBACK) -> Iterator[AnyVendor]:
    """Serve a vendor at a port, a free one where it is 0; `vendor.url` is where. Raises OSError for one that is taken."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = (
            True  # head and body are two writes: the second would wait for the first to be confirmed
        )

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
            answer = vendor.serve(Request(self.command, parts.path, params, headers, self.rfile.read(length)))
            self.send_response_only(answer.status)
            own = {"date": self.date_time_string(), "content-length": str(len(answer.body))}
            for name, value in {**own, "content-type": answer.content_type, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            return

    server = _Server((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    vendor.url = f"http://{host}:{server.server_port}"
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
