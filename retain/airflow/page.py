"""What a local Airflow says of itself over HTTP: whether its parts are alive, which DAGs it has read, which it could not."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from retain.airflow.surroundings import USER

PARTS = {"scheduler": "the scheduler", "dag_processor": "the DAG processor", "triggerer": "the triggerer"}


class Page:
    """Airflow's web page and its API on loopback; a proxy of the environment is never asked."""

    def __init__(self, port: int, passwords: Path) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._passwords = passwords
        self._token: str | None = None
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def what_is_missing(self) -> str:
        """The first part that does not show a heartbeat; empty when all do."""
        try:
            health = self._ask("/api/v2/monitor/health")
        except OSError:
            return "the web page"
        for name, words in PARTS.items():
            if health[name]["status"] != "healthy":
                return words
        return ""

    def dag_count(self) -> int:
        return int(self._ask("/api/v2/dags?limit=1", with_login=True)["total_entries"])

    def import_errors(self) -> list[str]:
        """The last line of each DAG file's error, with the file."""
        found = self._ask("/api/v2/importErrors", with_login=True)["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in found]

    def _ask(self, path: str, *, body: dict[str, str] | None = None, with_login: bool = False) -> dict[str, Any]:
        request = urllib.request.Request(self.address + path, headers={"Content-Type": "application/json"})
        if body is not None:
            request.data = json.dumps(body).encode()
        if with_login:
            request.add_header("Authorization", f"Bearer {self._log_in()}")
        with self._opener.open(request, timeout=10) as answer:
            words: dict[str, Any] = json.load(answer)
        return words

    def _log_in(self) -> str:
        if self._token is None:
            password = json.loads(self._passwords.read_text())[USER]
            self._token = str(self._ask("/auth/token", body={"username": USER, "password": password})["access_token"])
        return self._token
