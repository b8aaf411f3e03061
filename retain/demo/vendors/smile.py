"""A points ledger as a list, newest id first, with a cursor; and Smile.io, which is one."""

import json
from abc import abstractmethod
from base64 import b64decode, b64encode
from bisect import bisect_left
from datetime import datetime
from itertools import islice
from typing import Any

from retain.demo.vendors.server import Answer, Request, Vendor


class Ledger(Vendor):
    """`rows` by list and id; `root`, `moment` and the names of the parameters are the vendor's."""

    root = "/"
    moment = "updated_at"
    since, until = "updated_at_min", ""
    most = 250
    token = "made-up"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[int, dict[str, Any]]] = {}

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(b'{"error": {"message": "Invalid API key"}}', 401)
        name = request.path.removeprefix(self.root)
        if name not in self.rows:
            return Answer(b'{"error": {"message": "Not found"}}', 404)
        params = request.params
        if "cursor" in params:
            params = {**json.loads(b64decode(params["cursor"])), "limit": params.get("limit", "50")}
        size = int(params.get("limit", 50))
        if size > self.most:
            return Answer(b'{"error": {"message": "limit is too large"}}', 400)
        low, high = (params.get(bound) for bound in (self.since, self.until))
        numbers = sorted(self.rows[name])
        earlier = reversed(numbers[: bisect_left(numbers, int(params["before"])) if "before" in params else None])
        asked_for = (
            row
            for row in map(self.rows[name].__getitem__, earlier)
            if (low is None or datetime.fromisoformat(row[self.moment]) >= datetime.fromisoformat(low))
            and (high is None or datetime.fromisoformat(row[self.moment]) < datetime.fromisoformat(high))
        )
        found = list(islice(asked_for, size + 1))
        shown = found[:size]
        following = None
        if len(found) > size:
            kept = {key: value for key, value in params.items() if key in (self.since, self.until)}
            following = b64encode(json.dumps({**kept, "before": shown[-1]["id"]}).encode()).decode()
        return Answer(json.dumps({name: shown, **self.told(following)}).encode())

    @abstractmethod
    def told(self, following: str | None) -> dict[str, Any]:
        """How the vendor names the cursor of the page that follows, None where none does."""


class SmileIo(Ledger):
    root = "/v1/"

    def told(self, following: str | None) -> dict[str, Any]:
        return {"metadata": {"next_cursor": following or "", "previous_cursor": ""}}
