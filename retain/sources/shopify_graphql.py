"""Shopify's GraphQL Admin API: one question and its answer, paced by what it costs; a 200 that is a failure said as one."""

import logging
import time
from typing import Any

import requests
from dlt.sources.helpers.rest_client.auth import AuthConfigBase
from requests import PreparedRequest

from retain.config import ShopifySource
from retain.config.rest import ClientCredentialsAuth, KeyAuth
from retain.errors import NotLetIn, OutOfReach, UserError
from retain.sources.http_answers import KEPT, NotThere, answer_of, check_body, place_of
from retain.sources.http_client import EarlyToken, auth_of, in_sentences, open_client
from retain.sources.http_pace import PATIENCE, Throttled, after_now
from retain.sources.json_paths import value_at
from retain.sources.shopify_entities import VERSION

HEADER = "X-Shopify-Access-Token"
TRIES = 10
FAILED_SECONDS = 1.0  # doubled after each failure of Shopify's own
log = logging.getLogger("retain.sources")


class Denied(UserError):
    """The app may not read something: a scope is missing, or its people are protected."""


class ShopToken(EarlyToken):
    """A token of the client credentials grant, which is good for a day, in the header where Shopify looks for it."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        super().__call__(request)
        request.headers[HEADER] = str(request.headers.pop("Authorization")).removeprefix("Bearer ")
        return request


class Shop:
    """A shop's API. Connects to nothing yet. `version` is the one that its last answer named."""

    def __init__(self, source: ShopifySource) -> None:
        self.name, self.address = source.name, source.address
        self.version: str | None = None
        self._path = f"/admin/api/{VERSION}/graphql.json"
        self.client = open_client(source.name, source.address, None, None)
        self.client.auth = _auth_of(source)

    def ask(self, document: str, variables: dict[str, Any] | None = None) -> tuple[dict[str, Any], bytes]:
        """The data of an answer, with numbers as text, and the answer as sent.

        Waits where Shopify says that it was asked for too much; asks again where it failed. Raises Throttled, Denied,
        NotLetIn, UserError and OutOfReach.
        """
        failures = 0
        for _ in range(TRIES):
            response = self._post(document, variables)
            answer = self._answer(response)
            errors = answer.get("errors")
            if not errors:
                if not isinstance(answer.get("data"), dict):
                    raise self._odd(response, "an answer without data")
                return answer["data"], response.content
            code, words = _first(errors)
            if code == "THROTTLED":
                self._wait(answer)
            elif code == "INTERNAL_SERVER_ERROR":
                time.sleep(FAILED_SECONDS * 2**failures)
                failures += 1
            elif code == "ACCESS_DENIED":
                raise Denied(
                    f"Source {self.name}: the app may not read this: {words}",
                    hint="Give the app the scope, or the access to protected customer data, that is named there.",
                )
            else:
                raise UserError(
                    f"Source {self.name}: version {self.version or VERSION} of {self.address} refused the question: {words}",
                    hint="Correct `select`, if it names what is not there; or take a newer Retain.",
                )
        raise OutOfReach(f"Source {self.name}: {self.address} fails, or is asked too much, again and again.", hint=KEPT)

    def _post(self, document: str, variables: dict[str, Any] | None) -> requests.Response:
        body = {"query": document, **({"variables": variables} if variables else {})}
        auth, is_renewed = self.client.auth, False
        while True:
            try:
                with in_sentences(self.name, self.address):
                    return self.client.post(self._path, json=body, allow_redirects=False)
            except NotThere as error:
                raise UserError(
                    f"Source {self.name}: there is no shop at {self.address} ({error.message.rpartition('(')[2]}",
                    hint="Check `shop`: it is what stands before .myshopify.com in the address of its admin.",
                ) from None
            except NotLetIn:
                if not isinstance(auth, EarlyToken) or is_renewed:
                    raise
                auth.renew()
                is_renewed = True

    def _answer(self, response: requests.Response) -> dict[str, Any]:
        check_body(self.name, response)
        served = response.headers.get("x-shopify-api-version")
        if served != self.version:
            self.version = served
            log.info("source %s: Shopify answers in version %s, asked in %s", self.name, served, VERSION)
        try:
            answer = answer_of(response)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._odd(response, "something that is no JSON, or not all of it")
        return answer

    def _odd(self, response: requests.Response, what: str) -> OutOfReach:
        return OutOfReach(f"Source {self.name}: {place_of(response.url)} answered with {what}.", hint=KEPT)

    def _wait(self, answer: dict[str, Any]) -> None:
        """Until there are as many points as the question costs."""
        seconds = seconds_until_paid(value_at(answer, "extensions.cost"))
        if seconds is None:
            raise UserError(
                f"Source {self.name}: the question costs more points than {self.address} ever has.",
                hint="Ask for less in `select`.",
            )
        if seconds > PATIENCE.total_seconds():
            raise Throttled(self.name, after_now(seconds))
        time.sleep(seconds)


def seconds_until_paid(cost: Any) -> float | None:
    """How long to wait for a question that was throttled: (its cost - what is there) / what comes back in a second.

    None where it costs more than there ever is; a second where the answer does not say what it costs.
    """
    try:
        wanted = float(value_at(cost, "requestedQueryCost"))
        most, there, rate = (
            float(value_at(cost, f"throttleStatus.{name}"))
            for name in ("maximumAvailable", "currentlyAvailable", "restoreRate")
        )
    except (TypeError, ValueError):
        return 1.0
    if wanted > most:
        return None
    return max((wanted - there) / rate, 0.1) if rate > 0 else 1.0


def _auth_of(source: ShopifySource) -> AuthConfigBase | None:
    if source.token is not None:
        return auth_of(source.name, KeyAuth(key=source.token, header=HEADER))
    assert source.client_id
    assert source.client_secret
    return auth_of(
        source.name,
        ClientCredentialsAuth(
            token_url=f"{source.address}/admin/oauth/access_token",
            client_id=source.client_id,
            client_secret=source.client_secret,
        ),
        ShopToken,
    )


def _first(errors: Any) -> tuple[str, str]:
    """Code and words of the first error that an answer names."""
    first = errors[0] if isinstance(errors, list) and errors else errors
    words = first.get("message", "") if isinstance(first, dict) else first
    return str(value_at(first, "extensions.code") or ""), " ".join(str(words).split())[:300]
