"""Exports of vendors for a bench: files of records, served on loopback by a process of their own as the vendor serves them."""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BLOCK_BYTES = 1 << 20
FILE_PATH = "/export.jsonl"
NOTHING = 404


@dataclass(frozen=True)
class Vendor:
    """One vendor: its source in retain.yml at an address, the entity that is loaded, a record of its file by number, and how a
    program of dlt's reads its records; `answer`, what it says to a question (`posted` and the file's facts); `has`, whether its
    file answers a request with such parameters; `pack`, what it makes of a file of lines before it is sent."""

    source: Callable[[str], str]
    entity: str
    line: Callable[[int], str]
    read_by_dlt: Callable[[str], Iterator[list[Any]]]
    answer: Callable[[bytes, dict[str, Any]], Any] | None = None
    has: Callable[[dict[str, str]], bool] | None = None
    pack: Callable[[Path], None] | None = None


def write_export(path: Path, vendor: Vendor, records: int) -> dict[str, Any]:
    """Write the file; returns its facts: records, and bytes, of the lines and as they are sent."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, records + 1):
            file.write(vendor.line(number))
            file.write("\n")
    lines = path.stat().st_size
    if vendor.pack is not None:
        vendor.pack(path)
    return {"bytes": lines, "sent": path.stat().st_size, "records": records}


@contextmanager
def served(vendor: Vendor, path: Path, facts: dict[str, Any]) -> Iterator[str]:
    """The vendor's address, while it is served."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(vendor, path, facts, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def _serve(vendor: Vendor, path: Path, facts: dict[str, Any], address: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert vendor.answer is not None
            posted = self.rfile.read(int(self.headers.get("content-length") or 0))
            host = self.headers.get("host")
            answer = json.dumps(vendor.answer(posted, {**facts, "url": f"http://{host}{FILE_PATH}"})).encode()
            self._begin(len(answer))
            self.wfile.write(answer)

        def do_GET(self) -> None:
            if vendor.has is not None and not vendor.has(dict(parse_qsl(urlsplit(self.path).query))):
                self._begin(0, NOTHING)
                return
            self._begin(facts["sent"])
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    self.wfile.write(block)

        def _begin(self, length: int, status: int = 200) -> None:
            self.send_response_only(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(length))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address.send(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()
