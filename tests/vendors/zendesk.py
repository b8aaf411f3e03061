"""A Zendesk for tests: with few requests a minute, plans without surveys, tickets that are deleted and users that are merged."""

from datetime import UTC, datetime, timedelta
from typing import Any

from vendors.server import HTML, Answer, Request, Vendor

from retain.demo.vendors import server, zendesk

USER, TOKEN = "admin@shop.example", "zendesk-token"


class Zendesk(Vendor, zendesk.Zendesk):
    """`limit` is how many exports a minute are answered; `has_surveys` whether the plan has the newer satisfaction."""

    user, token = USER, TOKEN

    def __init__(self) -> None:
        super().__init__()
        self.limit: int | None = None
        self.has_surveys = True
        self.is_there = True
        self._exports: list[datetime] = []

    def put(self, kind: str, thing: dict[str, Any], changed: datetime, generated: datetime | None = None) -> None:
        """Store a thing. Its time of change may be long before that of the export: a trigger or a merge wrote it."""
        text = f"{changed.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        before = self.things[kind].get(thing["id"])
        created = thing.get("created_at") or (before[1]["created_at"] if before else text)
        counted = int((generated or changed).timestamp())
        whole = {**thing, "created_at": created, "updated_at": text}
        if kind == "tickets":
            whole["generated_timestamp"] = counted
        self.things[kind][thing["id"]] = (counted, whole)

    def delete_ticket(self, number: Any, at: datetime) -> None:
        _, ticket = self.things["tickets"][number]
        gone = {**ticket, "status": "deleted", "subject": "SCRUBBED", "description": "SCRUBBED", "metric_set": None}
        self.put("tickets", gone, at)

    def merge_users(self, loser: int, winner: int, at: datetime) -> None:
        """The loser is no longer active, and who asked for the tickets is the winner."""
        self.put("users", {**self.things["users"][loser][1], "active": False, "email": None}, at)
        for _, ticket in list(self.things["tickets"].values()):
            if ticket["requester_id"] == loser:
                before = datetime.fromisoformat(ticket["updated_at"])
                self.put("tickets", {**ticket, "requester_id": winner}, before, generated=at)

    def answer(self, request: Request) -> server.Answer:
        if not self.is_there:
            return Answer(b"<html><h1>No help desk at wrong.zendesk.com</h1></html>", 404, content_type="text/html")
        if request.path.startswith("/login"):
            return HTML
        if request.path.endswith("/survey_responses") and not self.has_surveys:
            return Answer(b'{"error": "InvalidEndpoint", "description": "Not found"}', 404)
        return super().answer(request)

    def export(self, kind: str, request: Request) -> server.Answer:
        now = datetime.now(UTC)
        self._exports = [at for at in self._exports if now - at < timedelta(minutes=1)]
        if self.limit is not None and len(self._exports) >= self.limit:
            return Answer(b'{"error": "TooManyRequests"}', 429, {"retry-after": "1"})
        self._exports.append(now)
        return super().export(kind, request)


def ticket(
    number: Any, requester: int, status: str = "open", minutes: int | None = None, **more: Any
) -> dict[str, Any]:
    """A ticket as the documentation shows one, answered after so many minutes; solved, its metrics say since when."""
    return {
        "id": number, "requester_id": requester, "status": status, "subject": "Where is my cap?", "type": "question",
        "priority": "normal", "tags": [], "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        "metric_set": {"reply_time_in_minutes": {"calendar": minutes, "business": None},
                       "solved_at": "2025-03-02T09:00:00Z" if status in ("solved", "closed") else None}, **more,
    }  # fmt: skip


def user(number: int, role: str = "end-user", **more: Any) -> dict[str, Any]:
    email = f"c{number}@x.am"
    return {"id": number, "name": f"User {number}", "email": email, "phone": None, "role": role, "active": True, **more}


def response(key: str, responder: int, ticket_number: int, rating: int | None, at: datetime) -> dict[str, Any]:
    """An answer to a survey: a rating, and the words that belong to it, or only the words."""
    when = {"created_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "updated_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    rated = (
        [{"type": "rating_scale", "rating": rating, "rating_category": "good", **when}] if rating is not None else []
    )
    return {
        "id": key, "responder_id": str(responder), "subject_zrns": [f"zen:ticket:{ticket_number}"],
        "survey": {"id": "01J58", "version": 3, "state": "enabled"}, "expires_at": None,
        "answers": [*rated, {"type": "open_ended", "value": "thanks", **when}],
    }  # fmt: skip
