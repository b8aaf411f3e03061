"""What an answer means before it is believed: which ones are tried again, and the sentence for each that is not."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from retain.errors import NotLetIn, OutOfReach, UserError
from retain.sources.http_pace import Spent
from retain.sources.http_records import DECODER, NotWhatWasAsked, said_in_refusal, text_of


class NotThere(UserError):
    """Nothing is at an address, or no longer."""


KEPT = "What came so far is kept: try again."
CREDENTIALS = "Make a new one at the system, and give it where retain.yml names it."
OF_A_CLIENT = f"{CREDENTIALS} The system must also let this client in by client credentials."
OF_AN_ACCOUNT = (
    "Check that the key was not deleted (Google Cloud, IAM & Admin > Service Accounts > Keys), and that this machine's clock "
    "is right: what is signed is good for an hour."
)


def answer_of(response: requests.Response) -> Any:
    """The whole of a JSON answer, numbers as their text: read once, however many look for a flag, a total or a remark in it.

    Raises ValueError when it is no JSON.
    """
    kept = vars(response)
    if "answer" not in kept:
        kept["answer"] = DECODER.decode(response.content.decode("utf-8-sig"))
    return kept["answer"]


def check_status(name: str, response: requests.Response) -> None:
    """Raise for an answer that is no success: requests' own HTTPError where asking again may help, a sentence where not."""
    status, place = response.status_code, place_of(response.url)
    if response.is_redirect:
        there = urlsplit(response.headers.get("location", "")).hostname or "another path"
        raise UserError(
            f"Source {name}: {place} sends us on to {there}, and a secret does not follow a redirect.",
            hint="Write the address that it sends to as `url`, or `path`, if it is right.",
        )
    if status == 429 or status >= 500:
        raise requests.HTTPError(response=response)
    if status < 400:
        return
    said = what_it_said(response)
    if status == 401:
        raise NotLetIn(f"Source {name}: {place} does not accept the credentials (401{said}).", hint=CREDENTIALS)
    if status == 403:
        raise NotLetIn(
            f"Source {name}: {place} may not be read with these credentials (403{said}).",
            hint="Ask the system's owner for the right to read it (a scope, a role, or a plan that has it).",
        )
    if status in (404, 410):
        gone = "is no longer there" if status == 410 else "is not there"
        raise NotThere(
            f"Source {name}: {place} {gone} ({status}{said}).",
            hint="Check `url`, with the name of the shop and the version in it, and `path`.",
        )
    raise UserError(f"Source {name}: {place} refused the request ({status}{said}).", hint="Check `path` and `params`.")


def check_quota(name: str, response: requests.Response, quota: Mapping[str, str]) -> None:
    """Raise Spent for a refusal that is no more than a quota that is used up. `quota`: what such a one says, by status."""
    words = quota.get(str(response.status_code))
    if words is not None and words.lower().encode() in response.content.lower():
        raise Spent(name, f"{response.status_code}{what_it_said(response)}")


def check_token(name: str, response: requests.Response, hint: str = OF_A_CLIENT) -> None:
    """As `check_status`; but OAuth also answers 400 where it gives no token, and whose credentials they are is the client's."""
    if response.status_code in (400, 401, 403):
        said = f"{response.status_code}{what_it_said(response)}"
        raise NotLetIn(f"Source {name}: {place_of(response.url)} does not accept the credentials ({said}).", hint=hint)
    check_status(name, response)


def check_body(name: str, response: requests.Response) -> None:
    """Raise where a success is none: a web page, nothing at all."""
    try:
        text_of(response.content)
    except NotWhatWasAsked as refusal:
        raise OutOfReach(f"Source {name}: {place_of(response.url)} answered with {refusal}.", hint=WEB_PAGE) from None


WEB_PAGE = "Check `url`; if it is right, ask the system's owner whether it lets this machine in."


def place_of(url: str | None) -> str:
    """Host and path of an address: what comes after the question mark may hold a secret."""
    parts = urlsplit(url or "")
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def what_it_said(response: requests.Response) -> str:
    """The system's own words about a refusal, where it has some; never its whole answer, which may hold records."""
    try:
        text = response.content.decode("utf-8", "replace")
    except requests.RequestException:
        return ""
    words = said_in_refusal(text)
    return f": {words}" if words else ""


def out_of_reach(name: str, error: requests.RequestException, host: str) -> OutOfReach:
    """The sentence for a system that does not answer, or keeps failing. requests' own texts hold addresses with secrets."""
    response: Any = error.response
    if response is not None:
        status = response.status_code
        words = "is asked too often (429)" if status == 429 else f"fails ({status})"
        return OutOfReach(
            f"Source {name}: {place_of(response.url)} {words}, again and again.",
            hint="What came so far is kept. Set a slower `rate`." if status == 429 else KEPT,
        )
    if isinstance(error, requests.exceptions.SSLError):
        return OutOfReach(f"Source {name}: the certificate of {host} is not one to trust.", hint="Check `url`.")
    kind, hint = "does not answer, or cut the answer off", f"Is it up, and its address right? {KEPT}"
    if isinstance(error, requests.Timeout):
        kind, hint = "did not answer in time", KEPT
    if isinstance(error, requests.exceptions.InvalidJSONError):
        kind, hint = "answered with something that is no JSON", KEPT
    return OutOfReach(f"Source {name}: {host} {kind}.", hint=hint)
