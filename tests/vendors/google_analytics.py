"""The Data API of a Google Analytics 4 property: signed requests for tokens, reports by days in pages, and a quota of tokens."""

import json
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from vendors.server import Answer, Request, Vendor

PROPERTY, EMAIL = "123456789", "retain@shop-ga4.iam.gserviceaccount.com"
ROOT, TOKENS = "/v1beta", "/token"
SCOPE = "https://www.googleapis.com/auth/analytics.readonly"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DIMENSIONS = ["date", "sessionDefaultChannelGroup", "sessionSourceMedium"]
METRICS = ["sessions", "engagedSessions", "totalUsers", "ecommercePurchases", "purchaseRevenue"]
EARLIEST = "2015-08-14"


class GoogleAnalytics(Vendor):
    """`rows` by day, channel and origin, each with its metrics as texts. A report costs `cost` of the `left` tokens of the day.

    `metadata` is what an answer says of itself; `page` caps what one holds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[date, str, str], list[str]] = {}
        self.metadata: dict[str, Any] = {}
        self.tokens: set[str] = set()
        self.viewers, self.is_enabled = {EMAIL}, True
        self.left, self.cost, self.page = 200_000, 10, 250_000
        self._numbers = count(1)

    def put(self, day: date, channel: str, origin: str, *metrics: str) -> None:
        self.rows[day, channel, origin] = [*metrics, *"0" * (len(METRICS) - len(metrics))]

    def key_file(self, path: Path, **changes: Any) -> Path:
        """A key of the account as Google's console hands it out."""
        pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        key = {"type": "service_account", "client_email": EMAIL, "private_key": pem, "private_key_id": "k1"}
        path.write_text(json.dumps({**key, "token_uri": f"{self.url}{TOKENS}", **changes}))
        return path

    def reports(self) -> list[dict[str, Any]]:
        """What was asked for, report by report."""
        return [json.loads(request.body) for request in self.requests if request.path.endswith(":runReport")]

    def answer(self, request: Request) -> Answer:
        if request.path == TOKENS:
            return self._token(dict(parse_qsl(request.body.decode())))
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _refusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if not request.path.startswith(f"{ROOT}/"):
            return Answer(b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", 404, content_type="text/html")
        if not self.is_enabled:
            words = "Google Analytics Data API has not been used in project 42 before or it is disabled."
            return _refusal(403, "PERMISSION_DENIED", words)
        if request.path != f"{ROOT}/properties/{PROPERTY}:runReport" or not self.viewers:
            return _refusal(403, "PERMISSION_DENIED", "User does not have sufficient permissions for this property.")
        if self.left <= 0:
            return _refusal(429, "RESOURCE_EXHAUSTED", "Exhausted property tokens for a day.")
        return self._report(json.loads(request.body))

    def _token(self, form: dict[str, str]) -> Answer:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return _no_token("unsupported_grant_type", "Invalid grant_type")
        try:
            claims = jwt.decode(
                form["assertion"], KEY.public_key(), algorithms=["RS256"], audience=f"{self.url}{TOKENS}"
            )
        except jwt.InvalidSignatureError:
            return _no_token("invalid_grant", "Invalid JWT Signature.")
        except jwt.InvalidTokenError:
            return _no_token(
                "invalid_grant", "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe."
            )
        if claims["iss"] != EMAIL or claims["scope"] != SCOPE or claims["exp"] - claims["iat"] > 3600:
            return _no_token("invalid_grant", "Invalid grant: account not found")
        token = f"ya29.{next(self._numbers)}"
        self.tokens.add(token)
        return Answer(json.dumps({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}).encode())

    def _report(self, asked: dict[str, Any]) -> Answer:
        (days,) = asked["dateRanges"]
        if [one["name"] for one in asked["dimensions"]] != DIMENSIONS or [
            one["name"] for one in asked["metrics"]
        ] != METRICS:
            return _refusal(400, "INVALID_ARGUMENT", "Did you mean another dimension?")
        if not EARLIEST <= days["startDate"] <= days["endDate"]:
            return _refusal(400, "INVALID_ARGUMENT", f"startDate must be on or after {EARLIEST}")
        self.left -= self.cost
        found = [
            {"dimensionValues": [{"value": f"{day:%Y%m%d}"}, {"value": channel}, {"value": origin}],
             "metricValues": [{"value": one} for one in metrics]}
            for (day, channel, origin), metrics in sorted(self.rows.items())
            if days["startDate"] <= f"{day}" <= days["endDate"]
        ]  # fmt: skip
        start = int(asked["offset"])
        shown = found[start : start + min(int(asked["limit"]), self.page)]
        told: dict[str, Any] = {"rows": shown} if shown else {}  # what is empty, or 0, is left out
        told |= {"rowCount": len(found)} if found else {}
        told["metadata"] = {"currencyCode": asked["currencyCode"], "timeZone": "Europe/Berlin", **self.metadata}
        quota = {"consumed": self.cost, "remaining": self.left}
        if asked.get("returnPropertyQuota"):
            told["propertyQuota"] = {"tokensPerDay": quota, "tokensPerHour": {**quota, "remaining": 39_000}}
        return Answer(json.dumps({**told, "kind": "analyticsData#runReport"}).encode())


def _no_token(error: str, words: str) -> Answer:
    return Answer(json.dumps({"error": error, "error_description": words}).encode(), 400)


def _refusal(status: int, code: str, words: str) -> Answer:
    return Answer(json.dumps({"error": {"code": status, "message": words, "status": code}}).encode(), status)
