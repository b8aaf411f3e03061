"""A Klaviyo for tests, filled event by event."""

from datetime import UTC, datetime
from typing import Any

from vendors.server import Vendor

from retain.demo.vendors import klaviyo

TOKEN = "pk_of_the_shop"


class Klaviyo(Vendor, klaviyo.Klaviyo):
    token = TOKEN

    def put(
        self, key: str, metric: str, profile: str, at: datetime, message: str | None = "M1", **properties: Any
    ) -> None:
        number = next((one for one, name in self.metrics.items() if name == metric), f"m{len(self.metrics)}")
        self.metrics[number] = metric
        self.profiles.setdefault(profile, {"email": f"{profile}@x.am", "phone_number": None})
        told = {
            **({"$message": message, "Campaign Name": "May letter"} if message else {"$value": 129.90}),
            **properties,
        }
        when = {"timestamp": int(at.timestamp()), "datetime": at.astimezone(UTC).isoformat(sep=" ")}
        pairs = (("profile", profile), ("metric", number))
        self.events[key] = {
            "type": "event",
            "id": key,
            "attributes": {**when, "event_properties": told},
            "relationships": {name: {"data": {"type": name, "id": one}} for name, one in pairs},
        }
