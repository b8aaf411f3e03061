"""The messages of a Twilio account, asked for by day."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from vendors.server import Answer, Request, Vendor

TOKEN, ACCOUNT = "a-secret-token", "AC0123456789abcdef0123456789abcdef"


class Twilio(Vendor):
    """`messages` by sid; a page leads to the next one by a relative address, which keeps the filters."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}

    def put(
        self, sid: str, to: str, sent: datetime | None, status: str, updated: datetime, direction: str = "outbound-api"
    ) -> None:
        self.messages[sid] = {
            "sid": sid, "to": to, "from": "+37410000000", "status": status, "direction": direction, "body": "Your order is on its way",
            "date_sent": format_datetime(sent.astimezone(UTC)) if sent else None, "price": "-0.00750",
            "date_updated": format_datetime(updated.astimezone(UTC)), "at": sent,
        }  # fmt: skip

    def answer(self, request: Request) -> Answer:
        expected = f"Basic {b64encode(f'{ACCOUNT}:{TOKEN}'.encode()).decode()}"
        if request.headers.get("authorization") != expected:
            return Answer(b'{"code": 20003, "message": "Authenticate", "status": 401}', 401)
        if request.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return Answer(b'{"code": 20404, "message": "The requested resource was not found", "status": 404}', 404)
        params = request.params
        found = [
            message
            for message in self.messages.values()
            if ("DateSent>" not in params or (message["at"] and f"{message['at']:%Y-%m-%d}" >= params["DateSent>"]))
            and ("DateSent<" not in params or (message["at"] and f"{message['at']:%Y-%m-%d}" <= params["DateSent<"]))
        ]
        size, page = int(params.get("PageSize", 50)), int(params.get("Page", 0))
        more = (page + 1) * size < len(found)
        query = "&".join(
            f"{name.replace('>', '%3E').replace('<', '%3C')}={value}"
            for name, value in params.items()
            if name != "Page"
        )
        shown = [
            {key: value for key, value in one.items() if key != "at"} for one in found[page * size : (page + 1) * size]
        ]
        uri = f"{request.path}?{query}&Page={page + 1}" if more else None
        return Answer(json.dumps({"messages": shown, "next_page_uri": uri, "page": page, "page_size": size}).encode())
