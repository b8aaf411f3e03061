"""A Salesforce: tokens for a client's credentials, SOQL of one shape over queryAll, pages by locator, and a quota of requests."""

import json
import re
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from vendors.server import Answer, Request, Vendor

CLIENT, SECRET = "3MVG9.consumer.key", "consumer-secret"
ROOT = "/services/data/v65.0"
QUERY = re.compile(
    r"select (?P<fields>[\w, ]+) from (?P<object>\w+) where SystemModstamp >= (?P<since>\S+) and SystemModstamp < (?P<until>\S+) "
    r"order by SystemModstamp, Id"
)
PERSONAL = dict.fromkeys(
    ("Email", "MobilePhone", "MailingCity", "MailingState", "MailingCountry", "HasOptedOutOfEmail")
)
BILLING = dict.fromkeys(("BillingCity", "BillingState", "BillingCountry", "AccountSource"))
MERGED = dict.fromkeys(("Name", "Phone", "MasterRecordId"))
FIELDS = {
    "Contact": {**PERSONAL, **MERGED, **dict.fromkeys(("LeadSource", "AccountId"))},
    "Account": {**BILLING, **MERGED},
    "Case": dict.fromkeys(
        [
            "ContactId",
            "AccountId",
            "SuppliedEmail",
            "SuppliedPhone",
            "ClosedDate",
            "IsClosed",
            "Status",
            "Origin",
            "Type",
            "Priority",
        ]
    ),
    "Opportunity": dict.fromkeys(["AccountId", "ContactId", "Amount", "CloseDate", "IsClosed", "IsWon", "LeadSource"]),
}


class Number(str):
    """A number as it is written in the answer, to its last zero."""


class Salesforce(Vendor):
    """`things` by object and Id. `left` is how many requests the day still has; `page` how many records an answer holds."""

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in FIELDS}
        self.hidden: set[str] = set()
        self.tokens: set[str] = set()
        self.cursors: dict[str, tuple[str, list[str], list[str]]] = {}
        self.left, self.page = 15_000, 3
        self._numbers = count(1)

    def put(self, name: str, key: str, at: datetime, **fields: Any) -> None:
        before = self.things[name].get(key) or {**FIELDS[name], "CreatedDate": _written(at), "IsDeleted": False}
        self.things[name][key] = {**before, "Id": key, "SystemModstamp": _written(at), **fields}

    def merge(self, name: str, loser: str, winner: str, at: datetime) -> None:
        """The loser is deleted and names the winner, to whom all that was the loser's belongs from then on."""
        self.put(name, loser, at, IsDeleted=True, MasterRecordId=winner)
        for kind in ("Case", "Opportunity"):
            for key, thing in self.things[kind].items():
                if thing[f"{name}Id"] == loser:
                    self.put(kind, key, at, **{f"{name}Id": winner})

    def answer(self, request: Request) -> Answer:
        if request.path == "/services/oauth2/token":
            return self._token(dict(parse_qsl(request.body.decode())))
        if not request.path.startswith(ROOT):
            return _refusal(404, "NOT_FOUND", "The requested resource does not exist")
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self.left <= 0:
            return _refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.left -= 1
        path = request.path.removeprefix(ROOT)
        if path.startswith("/query/"):  # of queryAll as well
            locator, _, start = path.removeprefix("/query/").rpartition("-")
            if locator not in self.cursors:
                return _refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
            return self._page(locator, int(start))
        if path != "/queryAll":
            return _refusal(404, "NOT_FOUND", "The requested resource does not exist")
        asked = QUERY.fullmatch(" ".join(request.params["q"].split()))
        if asked is None:
            return _refusal(400, "MALFORMED_QUERY", "unexpected token")
        name, fields = asked["object"], asked["fields"].split(", ")
        known = {"Id", "CreatedDate", "SystemModstamp", "IsDeleted", *FIELDS[name]} - self.hidden
        if unknown := [field for field in fields if field not in known]:
            return _refusal(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on entity '{name}'")
        low, high = (datetime.fromisoformat(asked[bound]) for bound in ("since", "until"))
        found = sorted(
            (thing["SystemModstamp"], key)
            for key, thing in self.things[name].items()
            if low <= datetime.fromisoformat(thing["SystemModstamp"]) < high
        )
        locator = f"01g{next(self._numbers):015}"
        self.cursors[locator] = (name, [key for _, key in found], fields)
        return self._page(locator, 0)

    def _token(self, form: dict[str, str]) -> Answer:
        if form.get("grant_type") != "client_credentials" or form.get("client_id") != CLIENT:
            return Answer(b'{"error": "invalid_client_id", "error_description": "client identifier invalid"}', 400)
        if form.get("client_secret") != SECRET:
            return Answer(b'{"error": "invalid_client", "error_description": "invalid client credentials"}', 400)
        token = f"00D!token{next(self._numbers)}"
        self.tokens.add(token)
        told = {"access_token": token, "instance_url": self.url, "token_type": "Bearer", "issued_at": "1700000000000"}
        return Answer(json.dumps(told).encode())

    def _page(self, locator: str, start: int) -> Answer:
        """What was found is fixed, and each record is shown as it is by now."""
        name, keys, fields = self.cursors[locator]
        end = start + self.page
        shown = [self._shown(name, key, fields) for key in keys[start:end]]
        done = end >= len(keys)
        link = "" if done else f'"nextRecordsUrl": "{ROOT}/query/{locator}-{end}", '
        body = f'{{"totalSize": {len(keys)}, "done": {str(done).lower()}, {link}"records": [{", ".join(shown)}]}}'
        return Answer(body.encode(), headers={"Sforce-Limit-Info": f"api-usage={15_000 - self.left}/15000"})

    def _shown(self, name: str, key: str, fields: list[str]) -> str:
        thing = self.things[name][key]
        values = {"attributes": {"type": name, "url": f"{ROOT}/sobjects/{name}/{key}"}}
        values |= {field: thing[field] for field in fields}
        return ", ".join(
            f'"{field}": {value if isinstance(value, Number) else json.dumps(value)}' for field, value in values.items()
        ).join("{}")


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000}+0000"


def _refusal(status: int, code: str, words: str) -> Answer:
    return Answer(json.dumps([{"message": words, "errorCode": code}]).encode(), status)
