"""A system that answers in JSON, of no vendor in particular: every way of letting in and of paging that `rest` knows."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

from vendors.server import Answer, Request, Vendor

SECRET = "s3cret-of-the-shop"
CLIENT = "client-of-the-shop"
LOCAL = ZoneInfo("Asia/Tehran")  # of times that come without an offset


class AnySystem(Vendor):
    """`records` by list and id: when each changed, and its JSON, sent as it stands here. Filters count both bounds in.

    `auth`: none, bearer, header, query, basic or client_credentials. `paging`: none, page, offset, link_header, next_link,
    cursor. The others are the names of its parameters, and where in an answer it puts what. A search that is posted as JSON
    has its parameters there.
    """

    def __init__(
        self,
        paging: str = "page",
        auth: str = "bearer",
        *,
        root: str = "/api/",
        items: str | None = "data.items",
        next: str = "next",
        more: str = "more",
        since: str = "since",
        until: str = "until",
        size_name: str = "size",
        offset_name: str = "offset",
        key_name: str = "api_key",
        has_link_at_end: bool = False,
        size: int = 3,
    ) -> None:
        super().__init__()
        self.records: dict[str, dict[str, tuple[datetime, str]]] = {}
        self.paging, self.auth, self.size = paging, auth, size
        self.root, self.items, self.next, self.more = root, items, next, more
        self.since, self.until = since, until
        self.size_name, self.offset_name, self.key_name = size_name, offset_name, key_name
        self.has_link_at_end = has_link_at_end
        self.tokens: list[str] = []

    def put(self, name: str, key: str, changed_at: datetime, text: str) -> None:
        self.records.setdefault(name, {})[key] = (changed_at, text)

    def delete(self, name: str, key: str) -> None:
        del self.records[name][key]

    def answer(self, request: Request) -> Answer:
        if request.path == "/token":
            return self._token(request)
        if not self._lets_in(request):
            return Answer(json.dumps({"error": {"message": "Invalid API key or access token"}}).encode(), 401)
        name = request.path.removeprefix(self.root)
        if name not in self.records:
            return Answer(b'{"error": "not found"}', 404)
        if request.method == "POST":
            posted = {key: str(value) for key, value in json.loads(request.body).items()}
            request = replace(request, params={**request.params, **posted})
        return self._page(request, self._asked(request, name))

    def _asked(self, request: Request, name: str) -> list[str]:
        low, high = (moment_of(request.params.get(bound)) for bound in (self.since, self.until))
        return [
            text
            for changed_at, text in self.records[name].values()
            if (low is None or changed_at >= low) and (high is None or changed_at <= high)
        ]

    def _page(self, request: Request, found: list[str]) -> Answer:
        size = int(request.params.get(self.size_name, self.size))
        if self.paging == "none":
            return Answer(self._body(found, None, False))
        at = int(request.params.get("page", 1)) - 1 if self.paging in ("page", "link_header", "next_link") else None
        offset = request.params.get(self.offset_name) or request.params.get("after") or 0
        start = at * size if at is not None else int(offset)
        texts, more = found[start : start + size], start + size < len(found)
        headers: dict[str, str] = {}
        following: Any = None
        if at is not None and self.paging != "page" and (more or self.has_link_at_end):
            following = f"{self.url}{request.path}?{urlencode({**request.params, 'page': at + 2})}"
            if self.paging == "link_header":
                headers, following = {"link": f'<{following}>; rel="next"'}, None
        elif self.paging == "cursor":
            following = str(start + size) if more else None
        return Answer(self._body(texts, following, more), headers=headers)

    def _body(self, texts: list[str], following: Any, more: bool) -> bytes:
        listed = f"[{', '.join(texts)}]"
        if self.items is None:
            return listed.encode()
        parts = [(self.items, listed), (self.next, json.dumps(following)), (self.more, json.dumps(more))]
        return "{{{}}}".format(", ".join(_nested(path, value) for path, value in parts)).encode()

    def _lets_in(self, request: Request) -> bool:
        sent = request.headers.get("authorization")
        if self.auth == "bearer":
            return sent == f"Bearer {SECRET}"
        if self.auth == "basic":
            return sent == f"Basic {b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"
        if self.auth == "header":
            return request.headers.get("x-api-key") == SECRET
        if self.auth == "query":
            return request.params.get(self.key_name) == SECRET
        return self.auth == "none" or (bool(self.tokens) and sent == f"Bearer {self.tokens[-1]}")

    def _token(self, request: Request) -> Answer:
        sent = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if (sent.get("client_id"), sent.get("client_secret")) != (CLIENT, SECRET):
            return Answer(b'{"error": "invalid_client"}', 401)
        self.tokens.append(f"token-{len(self.tokens) + 1}")
        return Answer(json.dumps({"access_token": self.tokens[-1], "expires_in": 3600}).encode())


def moment_of(text: str | None) -> datetime | None:
    """ISO 8601, local where it has no offset, or seconds or milliseconds since 1970."""
    if text is None:
        return None
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / (1000 if len(text) > 11 else 1), UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=LOCAL) if moment.tzinfo is None else moment


def _nested(path: str, value: str) -> str:
    first, _, rest = path.partition(".")
    return f'"{first}": {{{_nested(rest, value)}}}' if rest else f'"{first}": {value}'
