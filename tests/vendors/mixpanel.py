"""A Mixpanel project: its events as lines, for whole days of the project's own clock."""

import json
from base64 import b64encode
from calendar import timegm
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from vendors.server import Answer, Request, Vendor

USER, SECRET, PROJECT = "loader.f00d.mp-service-account", "a-secret", "2195193"


class Mixpanel(Vendor):
    """`lines` are (day, line), never thinned out: what was sent twice is exported twice.

    A project made before 2023 (`zone`) writes times as its own clock shows them, as if that were UTC.
    """

    def __init__(self, zone: str = "UTC") -> None:
        super().__init__()
        self.zone = ZoneInfo(zone)
        self.lines: list[tuple[date, str]] = []
        self.profiles: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.page_size = 1000

    def put(
        self, event: str, who: str, at: datetime, insert_id: str | None, processed: datetime | None = None, **more: Any
    ) -> None:
        local = at.astimezone(self.zone)
        known = {"time": timegm(local.timetuple()), "distinct_id": who, "$insert_id": insert_id}
        known["mp_processing_time_ms"] = int((processed or at).timestamp() * 1000)
        properties = {name: value for name, value in {**known, **more}.items() if value is not None}
        self.lines.append((local.date(), json.dumps({"event": event, "properties": properties}, ensure_ascii=False)))

    def merge(self, who: str, canonical: str) -> None:
        """Two visitors turn out to be one: from now on every event is exported under the id that is left."""
        for place, (day, line) in enumerate(self.lines):
            told = json.loads(line)
            if told["properties"]["distinct_id"] == who:
                told["properties"] |= {"distinct_id": canonical, "$distinct_id_before_identity": who}
                self.lines[place] = (day, json.dumps(told, ensure_ascii=False))

    def answer(self, request: Request) -> Answer:
        expected = f"Basic {b64encode(f'{USER}:{SECRET}'.encode()).decode()}"
        if request.headers.get("authorization") != expected:
            return Answer(b'{"request": "/api/2.0/export", "error": "Invalid service account credentials"}', 401)
        if request.path == "/api/query/engage" and request.params.get("project_id") == PROJECT:
            if request.method != "POST" or request.headers.get("content-type") != "application/x-www-form-urlencoded":
                return Answer(b'{"error": "Method not allowed"}', 405)
            return self._profiles(dict(parse_qsl(request.body.decode())))
        if request.path != "/api/2.0/export" or request.params.get("project_id") != PROJECT:
            return Answer(b'{"error": "project_id is a required parameter"}', 400)
        low, high = (date.fromisoformat(request.params[name]) for name in ("from_date", "to_date"))
        if low > high or low > datetime.now(UTC).astimezone(self.zone).date():
            return Answer(b'{"error": "from_date is later than to_date, or than today"}', 400)
        body = "".join(f"{line}\n" for day, line in self.lines if low <= day <= high)
        return Answer(body.encode(), content_type="text/plain")

    def _profiles(self, params: dict[str, str]) -> Answer:
        """A page of an answer that stays as it was when its first page was asked for, which alone tells the total."""
        page, session = int(params.get("page", 0)), params.get("session_id", "")
        if not session and page == 0:
            session = f"{len(self.sessions) + 1}-EXAMPL"
            self.sessions[session] = sorted((who, dict(one)) for who, one in self.profiles.items())
        known = self.sessions.get(session)
        if known is None:
            return Answer(b'{"status": "error", "error": "session_id is invalid or has expired"}', 400)
        shown = known[page * self.page_size : (page + 1) * self.page_size]
        results = [{"$distinct_id": who, "$properties": one} for who, one in shown]
        told = {"page": page, "page_size": self.page_size, "session_id": session, "status": "ok"}
        total = {"total": len(known)} if page == 0 else {}
        return Answer(json.dumps({**told, **total, "results": results}).encode())
