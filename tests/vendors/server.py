"""A small HTTP server on loopback for a fake vendor: it counts requests, and misbehaves when and how a test tells it to."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """One request as it came: `params` of the address, `body` as sent."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """`cut_after` ends the connection after so many bytes of the body, which was announced whole."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    cut_after: int | None = None


HTML = Answer(b"<!doctype html><title>Please log in</title>", content_type="text/html")


class Vendor(ABC):
    """What a fake vendor has in common. A subclass answers in `answer`; `instead` takes the place of that for one request.

    `instead[n]` is for the n-th request, from 1: an Answer, or a function of the request that may change the vendor's data
    and returns an Answer, or None for the ordinary one. `always`, where set, is asked before every other request.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.instead: dict[int, Answer | Callable[[Request], Answer | None]] = {}
        self.always: Callable[[Request], Answer | None] | None = None
        self._lock = threading.Lock()

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """What the vendor's documentation says that it answers."""

    def serve(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            for told in (self.instead.pop(len(self.requests), None), self.always):
                given = told(request) if callable(told) else told
                if given is not None:
                    return given
            return self.answer(request)

    def forget_requests(self) -> None:
        self.requests.clear()
        self.instead.clear()


@contextmanager
def running(vendor: Vendor) -> Iterator[Vendor]:
    """Serve a vendor on a free port of loopback; `vendor.url` is where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

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
            date = {"date": self.date_time_string()}
            for name, value in {**date, "content-type": answer.content_type, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut_after])
            if answer.cut_after is not None:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that went away in the middle is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
