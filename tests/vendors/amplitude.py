"""An Amplitude project: its events in archives of gzipped lines, for whole hours in which they were uploaded."""

import gzip
import io
import json
import zipfile
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

from vendors.server import Answer, Request, Vendor

KEY, SECRET, PROJECT = "an-api-key", "a-secret-key", 187520
HOUR = timedelta(hours=1)


class Amplitude(Vendor):
    """`lines` are (hour of upload, line). `most` is how many events an archive may hold; an hour is exported once it has been
    over for two."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[datetime, str]] = []
        self.most = 10_000
        self.too_much = Answer(b"The file size is too large", 400, content_type="text/plain")

    def put(self, uuid: str, event_type: str, at: datetime, uploaded: datetime | None = None, **more: Any) -> None:
        uploaded = (uploaded or at).astimezone(UTC)
        known = {
            "uuid": uuid, "event_type": event_type, "event_time": _written(at), "server_upload_time": _written(uploaded),
            "user_id": None, "device_id": "d-1", "session_id": -1, "amplitude_id": 12345678901234567890, "app": PROJECT,
        }  # fmt: skip
        self.lines.append((_hour(uploaded), json.dumps({**known, **more}, ensure_ascii=False)))

    def answer(self, request: Request) -> Answer:
        expected = f"Basic {b64encode(f'{KEY}:{SECRET}'.encode()).decode()}"
        if request.headers.get("authorization") != expected:
            return Answer(b"", 401, content_type="text/html")
        if request.path != "/api/2/export":
            return Answer(b"<html>Not Found</html>", 404, content_type="text/html")
        try:
            low, high = (
                datetime.strptime(request.params[name], "%Y%m%dT%H").replace(tzinfo=UTC) for name in ("start", "end")
            )
        except (KeyError, ValueError):
            return Answer(b"Invalid start or end", 400, content_type="text/plain")
        if low > high or high - low >= timedelta(days=365):
            return Answer(b"Invalid start or end", 400, content_type="text/plain")
        ready = datetime.now(UTC) - 3 * HOUR
        found = [(hour, line) for hour, line in self.lines if low <= hour <= high and hour <= ready]
        if not found:
            return Answer(b"Raw data files were not found.", 404, content_type="text/plain")
        if len(found) > self.most:
            return self.too_much
        return Answer(archive(found), content_type="application/zip")


def archive(lines: list[tuple[datetime, str]]) -> bytes:
    """A file of its own for each hour and part of the project."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for hour in sorted({hour for hour, _ in lines}):
            body = "".join(f"{line}\n" for one, line in lines if one == hour).encode()
            name = f"{PROJECT}/{PROJECT}_{hour:%Y-%m-%d_%-H}#0.json.gz"
            file.writestr(name, gzip.compress(body))
    return packed.getvalue()


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
