"""A Stripe: lists newest first, from one id to the next; charges that change without a time of change, refunds and disputes of them."""

import json
from datetime import datetime
from typing import Any

from vendors.server import Answer, Request, Vendor

KEY = "rk_test_a_secret_key"
LISTS = {"charges": "charge", "refunds": "refund", "disputes": "dispute"}


class Stripe(Vendor):
    """`things` by list and id. `may_read` is what the key may; an object is expanded where `expand[]` asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in LISTS}
        self.may_read = set(LISTS)

    def charge(
        self, key: str, at: datetime, amount: Any, currency: str = "eur", order: str | None = None, **more: Any
    ) -> None:
        """A card payment that was captured at once, unless `more` says otherwise. Amounts are in minor units."""
        self.things["charges"][key] = {
            "id": key, "object": "charge", "amount": amount, "amount_captured": amount, "amount_refunded": 0, "captured": True,
            "billing_details": {"email": None, "name": "Ani", "phone": None, "address": None}, "receipt_email": None,
            "created": int(at.timestamp()), "currency": currency, "customer": None, "description": None, "disputed": False,
            "livemode": True, "metadata": {"order_id": order} if order else {}, "paid": True, "payment_intent": f"pi_{key}",
            "payment_method_details": {"type": "card", "card": {"last4": "4242"}}, "refunded": False, "status": "succeeded",
            **more,
        }  # fmt: skip

    def refund(self, key: str, at: datetime, charge: str, amount: Any, status: str = "succeeded") -> None:
        """The charge says how much of it went back, and nothing says since when."""
        paid = self.things["charges"][charge]
        paid["amount_refunded"] += amount
        self.things["refunds"][key] = {
            "id": key, "object": "refund", "amount": amount, "charge": charge, "created": int(at.timestamp()), "metadata": {},
            "currency": paid["currency"], "payment_intent": paid["payment_intent"], "reason": None, "status": status,
        }  # fmt: skip

    def dispute(self, key: str, at: datetime, charge: str, amount: Any, status: str = "needs_response") -> None:
        self.things["disputes"][key] = {
            "id": key, "object": "dispute", "amount": amount, "charge": charge, "created": int(at.timestamp()), "metadata": {},
            "currency": self.things["charges"][charge]["currency"], "reason": "fraudulent", "status": status,
        }  # fmt: skip

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _refusal(401, "invalid_request_error", "Invalid API Key provided: rk_test_********key")
        name = request.path.removeprefix("/v1/")
        if name not in LISTS:
            return _refusal(404, "invalid_request_error", f"Unrecognized request URL (GET: {request.path}).")
        if name not in self.may_read:
            return _refusal(403, "invalid_request_error", "The provided key does not have the required permissions.")
        params = request.params
        limit = int(params.get("limit", 10))
        if limit > 100 or not request.headers.get("stripe-version"):
            return _refusal(400, "invalid_request_error", "This value must be less than or equal to 100.")
        low, high = int(params.get("created[gte]", 0)), int(params.get("created[lte]", 2**40))
        found = sorted(
            (one for one in self.things[name].values() if low <= one["created"] <= high),
            key=lambda one: (one["created"], one["id"]),
            reverse=True,
        )
        if after := params.get("starting_after"):
            if after not in self.things[name]:
                return _refusal(400, "invalid_request_error", f"No such {LISTS[name]}: '{after}'")
            keys = [one["id"] for one in found]
            found = found[keys.index(after) + 1 :]
        shown = [self._shown(one, params.get("expand[]")) for one in found[:limit]]
        body = {"object": "list", "url": request.path, "has_more": len(found) > limit, "data": shown}
        return Answer(json.dumps(body).encode())

    def _shown(self, one: dict[str, Any], expand: str | None) -> dict[str, Any]:
        if expand == "data.charge":
            return {**one, "charge": self.things["charges"][one["charge"]]}
        return one


def _refusal(status: int, kind: str, words: str) -> Answer:
    return Answer(json.dumps({"error": {"type": kind, "message": words}}).encode(), status)
