"""A vendor that answers what it is given, byte by byte: answers as real systems were seen to send them, with values of our own."""

import json
from dataclasses import dataclass, field
from typing import Any

from vendors.server import Answer, Request, Vendor


@dataclass(frozen=True)
class Exchange:
    """An answer to requests for a path that hold these parameters, and in their body these words, whatever else they hold.

    A body that is no text is JSON.
    """

    path: str
    body: Any
    params: dict[str, str] = field(default_factory=dict)
    words: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    content_type: str = "application/json; charset=utf-8"

    def answer(self) -> Answer:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()
        return Answer(body, self.status, self.headers, self.content_type)


class Recorded(Vendor):
    """Of the exchanges that fit a request, the one that asks for most parameters answers. One that fits none is an error."""

    def __init__(self, *exchanges: Exchange) -> None:
        super().__init__()
        self.exchanges = list(exchanges)

    def answer(self, request: Request) -> Answer:
        fitting = [
            one
            for one in self.exchanges
            if one.path == request.path and one.params.items() <= request.params.items() and one.words in request.body
        ]
        if not fitting:
            return Answer(f"{request.path} {request.params}".encode(), 404, content_type="text/plain")
        return max(fitting, key=lambda one: len(one.params)).answer()
