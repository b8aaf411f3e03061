"""What the fake vendors of the tests have in common: they count requests, and misbehave when and how a test tells them to."""

from collections.abc import Callable
from dataclasses import dataclass

from retain.demo.vendors import server
from retain.demo.vendors.server import Request, running

__all__ = ["HTML", "Answer", "Request", "Vendor", "running"]


@dataclass(frozen=True)
class Answer(server.Answer):
    """`cut_after` ends the connection after so many bytes of the body, which was announced whole."""

    cut_after: int | None = None

    def __post_init__(self) -> None:
        if self.cut_after is not None:
            announced = {**self.headers, "content-length": str(len(self.body)), "connection": "close"}
            object.__setattr__(self, "headers", announced)
            object.__setattr__(self, "body", self.body[: self.cut_after])


HTML = Answer(b"<!doctype html><title>Please log in</title>", content_type="text/html")


class Vendor(server.Vendor):
    """A subclass answers in `answer`; `instead` takes the place of that for one request.

    `instead[n]` is for the n-th request, from 1: an Answer, or a function of the request that may change the vendor's data
    and returns an Answer, or None for the ordinary one. `always`, where set, is asked before every other request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.instead: dict[int, server.Answer | Callable[[Request], server.Answer | None]] = {}
        self.always: Callable[[Request], server.Answer | None] | None = None

    def serve(self, request: Request) -> server.Answer:
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
