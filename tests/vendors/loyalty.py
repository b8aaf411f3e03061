"""Two points ledgers for tests: Smile.io, and LoyaltyLion, whose rows never change."""

from datetime import UTC, datetime
from typing import Any

from vendors.server import Vendor

from retain.demo.vendors import smile

TOKEN = "loyalty-token"


class Ledger(Vendor, smile.Ledger):
    token = TOKEN

    def put(self, name: str, row: dict[str, Any], at: datetime) -> None:
        text = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        before = self.rows.setdefault(name, {}).get(row["id"], {})
        self.rows[name][row["id"]] = {**row, "created_at": before.get("created_at", text), "updated_at": text}


class SmileIo(Ledger, smile.SmileIo):
    pass


class LoyaltyLion(Ledger):
    root = "/v2/"
    moment, since, until, most = "created_at", "created_at_min", "created_at_max", 500

    def told(self, following: str | None) -> dict[str, Any]:
        return {"cursor": {"prev": None, "next": following}}
