"""The responses of a Typeform, newest first, from one token to the next."""

import json
from datetime import UTC, datetime
from typing import Any

from vendors.server import Answer, Request, Vendor

TOKEN = "a-secret-token"


class Typeform(Vendor):
    """`responses` by token. `since` and `until` count their bounds in; `before` does not."""

    def __init__(self) -> None:
        super().__init__()
        self.responses: dict[str, dict[str, Any]] = {}

    def put(self, token: str, at: datetime, number: int, **hidden: str) -> None:
        """A response with two answers, of which one is the number."""
        asked = {"id": "q1", "ref": "how-was-it", "type": "opinion_scale"}
        self.responses[token] = {
            "token": token, "response_id": token, "submitted_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "hidden": hidden,
            "answers": [{"field": asked, "type": "number", "number": number},
                        {"field": {"id": "q2", "ref": "words", "type": "long_text"}, "type": "text", "text": "fine"}],
        }  # fmt: skip

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(
                b'{"code": "AUTHENTICATION_FAILED", "description": "Authentication credentials not found"}', 401
            )
        if request.path != "/forms/f0rm/responses":
            return Answer(b'{"code": "FORM_NOT_FOUND"}', 404)
        params = request.params
        low, high = (_asked(params.get(name)) for name in ("since", "until"))
        found = sorted(
            (
                one
                for one in self.responses.values()
                if (low is None or datetime.fromisoformat(one["submitted_at"]) >= low)
                and (high is None or datetime.fromisoformat(one["submitted_at"]) <= high)
            ),
            key=lambda one: (one["submitted_at"], one["token"]),
            reverse=True,
        )
        if "before" in params:
            tokens = [one["token"] for one in found]
            found = found[tokens.index(params["before"]) + 1 :] if params["before"] in tokens else []
        size = int(params.get("page_size", 25))
        body = {"total_items": len(found), "page_count": -(-len(found) // size), "items": found[:size]}
        return Answer(json.dumps(body).encode())


def _asked(text: str | None) -> datetime | None:
    """Seconds since 1970, or a time of UTC to the second, which is written without a zone."""
    if text is None:
        return None
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
