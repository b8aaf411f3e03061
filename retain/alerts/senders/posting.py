"""Post a JSON document over HTTP. The standard library does it: other clients write the address, a secret, to their logs."""

import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NoReturn

from retain.alerts.senders.failure import NotSent

SECONDS = 10.0
LONGEST_WAIT = 5.0  # how long a server that asks for patience is given it, once
TOO_MANY = 429


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A message for one address is not carried to another."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8")


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    """Post; any answer between 200 and 299 is success. Raises NotSent."""
    try:
        request = urllib.request.Request(
            url,
            data=body,
            headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "Retain", **(headers or {})},
            method="POST",
        )
    except ValueError:
        raise NotSent("what it was given as an address is none") from None
    for attempt in (1, 2):
        try:
            with urllib.request.build_opener(_NoRedirects()).open(request, timeout=SECONDS):
                return
        except urllib.error.HTTPError as error:
            wait = _seconds(error.headers.get("Retry-After"))
            error.close()
            if error.code == TOO_MANY and attempt == 1 and wait <= LONGEST_WAIT:
                time.sleep(wait)
                continue
            raise _answered(error.code) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            _unreached(error)


def _seconds(text: str | None) -> float:
    try:
        return max(float(text or 1), 0.0)
    except ValueError:  # a date: longer than anybody waits here
        return LONGEST_WAIT + 1


def _answered(code: int) -> NotSent:
    words = {
        400: "it did not understand the message",
        401: "it does not accept who we are",
        403: "it does not let us in",
        404: "nobody is at this address",
        410: "the address is no longer in use",
        TOO_MANY: "it gets too many messages",
    }
    what = words.get(code, "redirects are not followed" if 300 <= code < 400 else http.client.responses.get(code, "?"))
    return NotSent(f"the server answered {code}: {what}", is_unreachable=code == TOO_MANY or code >= 500)


def _unreached(error: Exception) -> NoReturn:
    """Say why without the text of the error, which may quote the address."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    raise NotSent(words_of(reason), is_unreachable=True) from None


def words_of(reason: object) -> str:
    """Why a connection failed, from the type of the error alone."""
    if isinstance(reason, TimeoutError):
        return f"no answer within {SECONDS:.0f} seconds"
    if isinstance(reason, socket.gaierror):
        return "its name is not known to the network"
    if isinstance(reason, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message})"
    if isinstance(reason, ssl.SSLError):
        return "no secure connection could be made"
    if isinstance(reason, ConnectionError | http.client.HTTPException):
        return "the connection broke off"
    return f"the connection failed ({type(reason).__name__})"
