"""The key file of a service account, and the signed request for a token that Google takes in the place of a password."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from retain.errors import UserError

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOD_FOR = 3600  # seconds, and no more: https://developers.google.com/identity/protocols/oauth2/service-account
MAKE_ONE = (
    "In Google Cloud, IAM & Admin > Service Accounts > Keys, make a key of type JSON, and give its file as `key_file`."
)


@dataclass(frozen=True)
class ServiceAccount:
    """Who asks (an e-mail address that is no person's), where a token is asked for, and the private key as PEM."""

    email: str
    token_url: str
    private_key: str = field(repr=False)
    key_id: str | None = None

    def assertion(self, scope: str) -> str:
        """The JWT, signed with RS256, that a token is given for; good for an hour from now."""
        now = int(time.time())
        claims = {"iss": self.email, "scope": scope, "aud": self.token_url, "iat": now, "exp": now + GOOD_FOR}
        return jwt.encode(
            claims, self.private_key, algorithm="RS256", headers={"kid": self.key_id} if self.key_id else None
        )


def read_account(name: str, path: Path) -> ServiceAccount:
    """The account of a source's key file. Raises UserError, which holds nothing of the file, where it is no such key."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        account = ServiceAccount(
            told["client_email"], told["token_uri"], told["private_key"], told.get("private_key_id")
        )
        load_pem_private_key(account.private_key.encode(), None)
    except OSError as error:
        raise UserError(f"Source {name}: {path} cannot be read ({error.strerror}).", hint=MAKE_ONE) from None
    except (ValueError, TypeError, KeyError, AttributeError):  # no JSON, no object, without a key, or with half of one
        raise UserError(f"Source {name}: {path} is no key file of a service account.", hint=MAKE_ONE) from None
    return account
