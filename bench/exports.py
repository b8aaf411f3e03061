"""Exports of vendors for a bench: files of records, served on loopback by a process of their own as the vendor serves them."""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from retain.sources.shopify_entities import VERSION

BLOCK_BYTES = 1 << 20
FILE_PATH = "/export.jsonl"


@dataclass(frozen=True)
class Vendor:
    """One vendor: its source in retain.yml at an address, the entity that is loaded, a record of its file by number, what it
    answers to a question (`posted` and the file's facts), and how a program of dlt's reads its records."""

    source: Callable[[str], str]
    entity: str
    line: Callable[[int], str]
    answer: Callable[[bytes, dict[str, Any]], Any]
    read_by_dlt: Callable[[str], Iterator[list[Any]]]


def write_export(path: Path, line: Callable[[int], str], records: int) -> dict[str, Any]:
    """Write the file; returns its facts: bytes and records."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(1, records + 1):
            file.write(line(number))
            file.write("\n")
    return {"bytes": path.stat().st_size, "records": records}


@contextmanager
def served(name: str, path: Path, facts: dict[str, Any]) -> Iterator[str]:
    """The vendor's address, while it is served."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(name, path, facts, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def _serve(name: str, path: Path, facts: dict[str, Any], address: Any) -> None:
    vendor = VENDORS[name]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            posted = self.rfile.read(int(self.headers.get("content-length") or 0))
            host = self.headers.get("host")
            answer = json.dumps(vendor.answer(posted, {**facts, "url": f"http://{host}{FILE_PATH}"})).encode()
            self._begin(len(answer))
            self.wfile.write(answer)

        def do_GET(self) -> None:
            self._begin(facts["bytes"])
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    self.wfile.write(block)

        def _begin(self, length: int) -> None:
            self.send_response_only(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(length))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address.send(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


def _shopify_source(url: str) -> str:
    return f"type: shopify\n    shop: bench\n    url: {url}\n    token: none\n    settle_minutes: 0\n    entities:\n      orders:\n"


def _shopify_order(number: int) -> str:
    """An order as a bulk operation sends it for what Retain asks for, about eight hundred bytes."""
    goods, day = (
        f"{10 + number % 9973 / 100:.2f}",
        f"2025-{1 + number % 12:02}-{1 + number % 28:02}T{number % 24:02}:15:00Z",
    )
    money = f'{{"shopMoney": {{"amount": "{goods}", "currencyCode": "EUR"}}}}'
    small = '{"shopMoney": {"amount": "1.90", "currencyCode": "EUR"}}'
    customer = f'{{"id": "gid://shopify/Customer/{number % 200_000}"}}' if number % 3 else "null"
    return (
        f'{{"id": "gid://shopify/Order/{number}", "legacyResourceId": "{number}", "name": "#{number}", "createdAt": "{day}", '
        f'"processedAt": "{day}", "updatedAt": "{day}", "cancelledAt": null, "test": false, "displayFinancialStatus": "PAID", '
        f'"currencyCode": "EUR", "sourceName": "web", "email": "c{number % 200_000}@example.am", "phone": null, '
        f'"customer": {customer}, "shippingAddress": {{"countryCodeV2": "AM", "provinceCode": "ER"}}, "taxesIncluded": false, '
        f'"subtotalPriceSet": {money}, "totalTaxSet": {small}, "shippingLine": {{"taxLines": []}}, "totalPriceSet": {money}, '
        f'"totalDiscountsSet": {small}, "totalShippingPriceSet": {small}}}'
    )


def _shopify_answer(posted: bytes, facts: dict[str, Any]) -> Any:
    if b"bulkOperationRunQuery" in posted:
        operation = {"id": "gid://shopify/BulkOperation/1", "status": "CREATED"}
        return {"data": {"bulkOperationRunQuery": {"bulkOperation": operation, "userErrors": []}}}
    node = {
        "id": "gid://shopify/BulkOperation/1",
        "status": "COMPLETED",
        "objectCount": str(facts["records"]),
        "rootObjectCount": str(facts["records"]),
        "fileSize": str(facts["bytes"]),
        "url": facts["url"],
    }
    return {"data": {"node": node}}


def _shopify_by_dlt(url: str) -> Iterator[list[Any]]:
    """As dlt's users write it: the same three questions, the file as it streams, in lists of a few thousand records."""
    from dlt.sources.helpers import requests

    address = f"{url}/admin/api/{VERSION}/graphql.json"
    requests.post(address, json={"query": "mutation { bulkOperationRunQuery }"}).raise_for_status()
    found = requests.post(address, json={"query": "{ node }"}).json()["data"]["node"]
    batch: list[Any] = []
    for line in requests.get(found["url"], stream=True).iter_lines():
        batch.append(json.loads(line))
        if len(batch) == 5000:
            yield batch
            batch = []
    yield batch


VENDORS = {"shopify": Vendor(_shopify_source, "orders", _shopify_order, _shopify_answer, _shopify_by_dlt)}
