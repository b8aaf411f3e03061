"""The responses of a SurveyMonkey, by numbered pages with links, under a quota a minute and a day that the headers tell of."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from vendors.server import Answer, Request, Vendor

TOKEN = "a-secret-token"
SURVEY = "506487016"


class SurveyMonkey(Vendor):
    """`responses` by id. A quota that is used up is told ahead by the headers; who asks all the same is refused.

    `per_day` and `per_minute` are how many requests are left, and `back_in` is the seconds until each is whole again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.responses: dict[str, dict[str, Any]] = {}
        self.left = {"Day": 500, "Minute": 120}
        self.back_in = {"Day": 40_000, "Minute": 1}
        self.has_scope = True

    def put(self, key: str, at: datetime, answer: dict[str, Any], **more: Any) -> None:
        """A response with the answer to the question 7, and words in answer to another one; created when it came first."""
        text = f"{at:%Y-%m-%dT%H:%M:%S}+00:00"
        created = self.responses.get(key, {}).get("date_created", text)
        answer = {"simple_text": answer.get("text", ""), **answer}
        asked = [{"id": "7", "answers": [answer]}, {"id": "8", "answers": [{"tag_data": [], "text": "fine, 10 of 10"}]}]
        self.responses[key] = {
            "id": key, "recipient_id": "", "collection_mode": "default", "response_status": "completed",
            "custom_value": "", "first_name": "", "last_name": "", "email_address": "", "ip_address": "163.116.162.124",
            "logic_path": {}, "metadata": {"contact": {}}, "page_path": [], "collector_id": "446111201",
            "survey_id": SURVEY, "custom_variables": {}, "total_time": 1278, "date_modified": text, "date_created": created,
            "pages": [{"id": "1", "questions": []}, {"id": "2", "questions": asked}], **more,
        }  # fmt: skip

    def answer(self, request: Request) -> Answer:
        headers = {}
        for span in ("Day", "Minute"):
            self.left[span] -= 1
            headers[f"X-Ratelimit-App-Global-{span}-Remaining"] = str(max(0, self.left[span]))
            headers[f"X-Ratelimit-App-Global-{span}-Reset"] = str(self.back_in[span])
        if min(self.left.values()) < 0:
            return _refusal(429, "1040", "Rate limit reached", headers)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refusal(401, "1011", "The authorization token was not provided or was invalid.", headers)
        if not self.has_scope:
            return _refusal(403, "1014", "Permission has not been granted by the user to make this request.", headers)
        if request.path != f"/v3/surveys/{SURVEY}/responses/bulk":
            return _refusal(404, "1020", "There was an error retrieving the requested resource.", headers)
        params = request.params
        since = params.get("start_modified_at", "0")
        found = sorted(
            (one for one in self.responses.values() if one["date_modified"][:19] >= since),
            key=lambda one: (one["date_modified"], one["id"]),
            reverse=params.get("sort_order", "DESC") == "DESC",
        )
        size, page = min(int(params.get("per_page", 50)), 100), int(params.get("page", 1))
        place = f"{self.url}{request.path}?"
        links = {"self": place + urlencode(params)}
        if len(found) > page * size:
            links["next"] = place + urlencode({**params, "page": page + 1})
        shown = [_shown(one, params.get("simple")) for one in found[(page - 1) * size : page * size]]
        body = {"data": shown, "per_page": size, "page": page, "total": len(found)}
        return Answer(json.dumps({**body, "links": links}).encode(), headers=headers)


def stars(number: int) -> dict[str, Any]:
    """The answer to a question with choices that have weights."""
    return _chosen(number, str(number), str(number))


def nps(number: int) -> dict[str, Any]:
    """The answer to how likely somebody is to recommend: its weight says promoter, passive or detractor, and no more."""
    text = {0: "Not at all likely - 0", 10: "Extremely likely - 10"}.get(number, str(number))
    return _chosen(number, "100" if number > 8 else "0" if number > 6 else "-100", text)


def _chosen(number: int, weight: str, text: str) -> dict[str, Any]:
    metadata = {"weight": weight}
    return {"choice_id": f"59072299{number}", "row_id": "590723046", "choice_metadata": metadata, "simple_text": text}


def _shown(response: dict[str, Any], simple: str | None) -> dict[str, Any]:
    """Who does not ask for `simple` is not told the text of what was chosen."""
    if simple == "true":
        return response
    told: dict[str, Any] = json.loads(json.dumps(response))
    for page in told["pages"]:
        for question in page["questions"]:
            for answer in question["answers"]:
                answer.pop("simple_text", None)
    return told


def _refusal(status: int, code: str, words: str, headers: dict[str, str]) -> Answer:
    error = {"id": code, "name": "Error", "message": words, "http_status_code": status, "docs": "https://x.example"}
    return Answer(json.dumps({"error": error}).encode(), status, headers)
