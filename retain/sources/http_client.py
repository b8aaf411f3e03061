"""dlt's REST client as Retain uses it: paced, kept to its own hosts, every answer looked at; no telemetry, no secret in a log."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")  # dlt would ask Airflow for its settings

import requests
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests import Client as RetryingClient
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    AuthConfigBase,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from dlt.sources.helpers.rest_client.client import RESTClient
from requests.adapters import HTTPAdapter

import retain
from retain.config.rest import Auth, BasicAuth, BearerAuth, KeyAuth, Rate, ServiceAccountAuth
from retain.errors import OutOfReach, RetainError, UserError
from retain.sources.http_answers import (
    OF_AN_ACCOUNT,
    check_body,
    check_quota,
    check_status,
    check_token,
    out_of_reach,
    place_of,
)
from retain.sources.http_pace import PATIENCE, Pace
from retain.sources.http_records import NotWhatWasAsked, Record, records_of, says_empty
from retain.sources.service_account import GRANT, ServiceAccount, read_account

ATTEMPTS = 5
BACKOFF_SECONDS = 1.0  # 1, 2, 4 and 8 seconds between the attempts, where the system names no time
TIMEOUT_SECONDS = 120.0
MOST_SKEW = timedelta(minutes=2)  # the settle lag is there for less than this
EARLY_SECONDS = 60  # a token is renewed so long before it ends

# At DEBUG they write whole addresses, with what the query holds.
for chatty in ("urllib3", "dlt"):
    logging.getLogger(chatty).setLevel(logging.WARNING)


class PacedAdapter(HTTPAdapter):
    """Every request, retries included, passes here: to no other host, and not sooner than the system allows."""

    def __init__(self, name: str, host: str, pace: Pace) -> None:
        super().__init__()
        self._name, self._host, self._pace = name, host, pace
        self.skew: timedelta | None = None  # the system's clock less ours, as its last answer says

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        there = origin(request.url or "")
        if there != self._host:
            raise UserError(
                f"Source {self._name}: the next page is said to be at {there}, and the secret is for {self._host} alone.",
                hint="If both are the same system, write that address as `url`.",
            )
        self._pace.wait()
        response = super().send(request, *args, **kwargs)
        self._pace.heed(response.status_code, response.headers)
        with suppress(ValueError, TypeError):
            self.skew = parsedate_to_datetime(response.headers.get("date", "")) - datetime.now(UTC)
        return response


class AnswersAsSent(RESTClient):
    """dlt's client, with the records of a page as the text that was sent. Its paginators see them as their page."""

    name = ""
    hints: Mapping[str, str] = {}
    quota: Mapping[str, str] = {}
    links_at = ""
    empty: Mapping[str, str] = {}  # lists that may be left out, and what an answer has that does so

    @property
    def skew(self) -> timedelta | None:
        """The system's clock less ours; None while it has not answered."""
        adapter: Any = self.session.get_adapter(self.base_url)
        found: timedelta | None = adapter.skew
        return found

    def doubts_of_the_clock(self) -> list[tuple[str, str]]:
        """(sentence, what to do), where the two clocks are further apart than the settle lag is there for."""
        if self.skew is None or abs(self.skew) <= MOST_SKEW:
            return []
        sentence = f"the system's clock and this machine's are {abs(self.skew).total_seconds() / 60:.0f} minutes apart"
        return [(sentence, "Let this machine follow a time server, or set `settle_minutes` higher than that.")]

    def at_url(self, link: str) -> str:
        """A link of an answer; one that begins with `links_at` at the address that is asked instead of it, with our secret."""
        begins = self.links_at.rstrip("/")
        if begins and link.startswith(begins) and link[len(begins) :][:1] in ("/", "?", ""):
            return f"{self.base_url}{link[len(begins) :]}"
        return link

    def _send_request(self, request: requests.Request, **kwargs: Any) -> requests.Response:
        """A body is a text in which parameters stand as {name}, or the names of those that are a form: paginators change them
        as if they were in the address."""
        params: Any = request.params or {}
        sent: Any = request.data
        if isinstance(sent, tuple):
            request = copy(request)
            request.data = {name: value for name, value in params.items() if name in sent}
            request.params = {name: value for name, value in params.items() if name not in sent}
        elif sent:
            request = copy(request)
            request.data, request.params = filled_in(str(sent), params)
            request.headers = {**request.headers, "Content-Type": "application/json"}
        return super()._send_request(request, **kwargs)

    def extract_response(self, response: requests.Response, data_selector: Any) -> list[Record]:
        try:
            return records_of(response.content, data_selector or None)
        except NotWhatWasAsked as refusal:
            witness = self.empty.get(data_selector)
            if witness is not None and says_empty(response.content, data_selector, witness):
                return []
            raise OutOfReach(
                f"Source {self.name}: {place_of(response.url)} answered with {refusal}.",
                hint="Nothing was taken for an empty page. Check `path` and `records`, or try again.",
            ) from None

    def detect_data_selector(self, response: requests.Response) -> str:
        return ""  # without a path the answer is the list: nothing is guessed


def open_client(
    name: str, url: str, auth: Auth | None, rate: Rate | None, headers: Mapping[str, str] | None = None
) -> AnswersAsSent:
    """A client of one system. Connects to nothing yet."""
    pace = Pace(name, rate)
    client = AnswersAsSent(
        base_url=url.rstrip("/"),
        headers={"Accept": "application/json", "User-Agent": f"retain/{retain.__version__}", **(headers or {})},
        auth=auth_of(name, auth),
        session=_session(name, origin(url), pace),
        config=RuntimeConfiguration(dlthub_telemetry=False),
    )
    client.name = name
    return client


def _session(name: str, host: str, pace: Pace) -> requests.Session:
    session = RetryingClient(
        request_timeout=TIMEOUT_SECONDS,
        raise_for_status=False,
        request_max_attempts=ATTEMPTS,
        request_backoff_factor=BACKOFF_SECONDS,
        request_max_retry_delay=PATIENCE.total_seconds(),
    ).session
    adapter = PacedAdapter(name, host, pace)
    session.mount("https://", adapter)
    session.mount("http://", adapter)

    session.hooks["response"] = [lambda response, **_: check_status(name, response)]
    return session


def hooks_of(client: AnswersAsSent, *, with_body: bool = True) -> dict[str, Any]:
    """What looks at every page: in the place of dlt's own check, which sees the status alone.

    Without the body: an answer that is read as it comes is looked at by who reads it.
    """

    def look(response: requests.Response, **_: Any) -> None:
        check_quota(client.name, response, client.quota)
        try:
            check_status(client.name, response)
            if with_body:
                check_body(client.name, response)
        except RetainError as error:
            error.hint = client.hints.get(str(response.status_code), error.hint)
            raise

    return {"response": [look]}


def filled_in(body: str, params: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """A body with the parameters that stand in it, and those that do not."""
    left = {name: value for name, value in params.items() if f"{{{name}}}" not in body}
    for name in params.keys() - left.keys():
        body = body.replace(f"{{{name}}}", json.dumps(str(params[name]))[1:-1])
    return body.encode(), left


def origin(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


class EarlyToken(OAuth2ClientCredentials):
    """Client credentials whose token is renewed before it ends, and refused when there is none in the answer."""

    name = ""

    def parse_expiration_in_seconds(self, response_json: Any) -> int:
        return max(1, super().parse_expiration_in_seconds(response_json) - EARLY_SECONDS)

    def parse_access_token(self, response_json: Any) -> str:
        if not isinstance(response_json, dict) or not response_json.get("access_token"):
            raise UserError(
                f"Source {self.name}: `token_url` answered without a token.", hint="Check `auth.token_url`."
            )
        return super().parse_access_token(response_json)

    def renew(self) -> None:
        """Ask for a new one at the next request: the system has ended this one before its time."""
        self.access_token = None


class AccountToken(EarlyToken):
    """A token that is given for a request which a service account has signed."""

    account: ServiceAccount
    scope = ""

    def build_access_token_request(self) -> dict[str, Any]:
        return {"data": {"grant_type": GRANT, "assertion": self.account.assertion(self.scope)}}


def auth_of(name: str, auth: Auth | None, token_type: type[EarlyToken] = EarlyToken) -> AuthConfigBase | None:
    """dlt's own authenticator for what retain.yml says."""
    if auth is None:
        return None
    if isinstance(auth, BearerAuth):
        return BearerTokenAuth(token=auth.token.get_secret_value())
    if isinstance(auth, BasicAuth):
        return HttpBasicAuth(username=auth.user.get_secret_value(), password=auth.password.get_secret_value())
    if isinstance(auth, KeyAuth):
        key = auth.key.get_secret_value()
        if auth.header:
            return APIKeyAuth(name=auth.header, api_key=key, location="header")
        return APIKeyAuth(name=str(auth.query), api_key=key, location="query")
    if isinstance(auth, ServiceAccountAuth):
        return _account_token(name, auth)
    token = token_type(
        access_token_url=auth.token_url,
        client_id=auth.client_id.get_secret_value(),
        client_secret=auth.client_secret.get_secret_value(),
        access_token_request_data={"scope": auth.scope} if auth.scope else {},
        session=_session(name, origin(auth.token_url), Pace(name, None)),
    )
    token.name = name
    token.session.hooks["response"] = [lambda response, **_: check_token(name, response)]
    return token


def _account_token(name: str, auth: ServiceAccountAuth) -> AccountToken:
    account = read_account(name, auth.key_file)
    url = account.token_url
    token = AccountToken(access_token_url=url, session=_session(name, origin(url), Pace(name, None)))
    token.name, token.account, token.scope = name, account, auth.scope
    token.session.hooks["response"] = [lambda response, **_: check_token(name, response, OF_AN_ACCOUNT)]
    return token


@contextmanager
def in_sentences(name: str, url: str) -> Iterator[None]:
    """Whatever goes wrong on the way, as a sentence that holds no secret."""
    try:
        yield
    except requests.RequestException as error:
        raise out_of_reach(name, error, origin(url)) from None


def plain_session(name: str, url: str) -> requests.Session:
    """A session with one host and no secret: for files that a system points to, which may be elsewhere."""
    return _session(name, origin(url), Pace(name, None))
