"""The secrets of docker-compose.yml: made strong, never written over, refused when weak. Needs the standard library only.

`python -m retain.passwords` is what `bin/retain secrets` runs: a machine that only runs containers needs no environment of Python.
"""

import argparse
import base64
import binascii
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from retain.errors import RetainError, UserError

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLE, FILE = REPOSITORY / ".env.example", REPOSITORY / ".env"
FERNET = "RETAIN_AIRFLOW_FERNET_KEY"
SECRETS = {  # variable: what it opens
    "RETAIN_POSTGRES_PASSWORD": "the superuser of PostgreSQL",
    "RETAIN_OWNER_PASSWORD": "the owner of the warehouse",
    "RETAIN_BI_PASSWORD": "the reader of the marts, for BI tools",
    "RETAIN_AIRFLOW_DATABASE_PASSWORD": "Airflow's metadata",
    "RETAIN_AIRFLOW_PASSWORD": "Airflow's web page, user admin",
    FERNET: "what Airflow encrypts its connections with",
    "RETAIN_AIRFLOW_API_SECRET": "the sessions of Airflow's web page",
    "RETAIN_AIRFLOW_JWT_SECRET": "the tasks' way to Airflow's API",
    "RETAIN_SUPERSET_DATABASE_PASSWORD": "Superset's metadata",
    "RETAIN_SUPERSET_PASSWORD": "Superset's web page, user admin",
    "RETAIN_SUPERSET_SECRET_KEY": "what Superset encrypts its connections with",
    "RETAIN_REDIS_PASSWORD": "the queue of the profile celery",
    "RETAIN_SHOP_PASSWORD": "the database of the demo shop",
}
FEWEST_CHARACTERS, FEWEST_DIFFERENT = 20, 10
GUESSED = ("password", "passw0rd", "changeme", "change_me", "secret", "qwerty", "123456", "retain", "admin", "airflow")
PLAIN = re.compile(r"[A-Za-z0-9_.~=-]+")  # each is part of an address somewhere
LINE = re.compile(r"^(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$")


def main() -> int:
    """Write or complete the file, or judge the environment with --check; exit code 2, and a sentence for each, for weak secrets."""
    parser = argparse.ArgumentParser(
        prog="retain secrets",
        description="Fill the empty secrets of .env with strong random values; keep the others, and refuse weak ones.",
    )
    parser.add_argument("file", nargs="?", type=Path, default=FILE, help="by default .env beside docker-compose.yml")
    parser.add_argument("--check", action="store_true", help="write nothing: judge the environment's secrets")
    wanted = parser.parse_args()
    try:
        print(check(os.environ) if wanted.check else complete(wanted.file))
    except RetainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def complete(file: Path, example: Path = EXAMPLE) -> str:
    """Give every secret that `file` lacks a strong random value, and keep all that it says; returns what was done, in a sentence.

    A missing file is made from `example`. It ends readable for its owner only. Raises UserError for weak values; then nothing
    is written.
    """
    is_new = not file.exists()
    try:
        lines = (example if is_new else file).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{example if is_new else file} is no text: wanted lines of NAME=value.") from None
    except OSError as error:
        raise UserError(f"{example if is_new else file} cannot be read: {error.strerror}.") from None
    found = values_of(lines)
    if problems := weaknesses({name: value for name, value in found.items() if value}, must_be_complete=False):
        raise UserError(
            f"{file} is left as it is: " + " ".join(problems),
            hint="Empty what is weak (NAME=) and run this again; a database that knows the old password is told the new one.",
        )
    missing = [name for name in SECRETS if not found.get(name)]
    made = {name: new_secret(name) for name in missing}
    _replace(file, _filled(lines, made))
    if not missing:
        return f"{file} is complete: its {len(SECRETS)} secrets are kept as they are."
    kept = f", {len(SECRETS) - len(missing)} kept as they are" if len(missing) < len(SECRETS) else ""
    return f"{file}: {len(missing)} secrets made{kept}. Only you can read it; keep a copy where you keep passwords."


def check(environment: Mapping[str, str]) -> str:
    """That every secret of the stack is there and strong, in a sentence. Raises UserError, which names those that are not."""
    if problems := weaknesses(environment):
        raise UserError(
            "The stack does not start with these secrets: " + " ".join(problems),
            hint="Empty them in .env (NAME=) and run `bin/retain secrets`.",
        )
    return f"The {len(SECRETS)} secrets are there, strong, and different from each other."


def values_of(lines: list[str]) -> dict[str, str]:
    """NAME=value lines as a dictionary; the last of a name holds, and quotes around a value are not part of it."""
    matches = (LINE.match(line.strip()) for line in lines)
    return {match["name"]: match["value"].strip().strip("\"'") for match in matches if match}


def new_secret(name: str) -> str:
    """32 random bytes in URL-safe base64; drawn again in the rare case that a word of GUESSED stands in it."""
    value = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    value = value if name == FERNET else value.rstrip("=")
    return value if weakness(name, value) is None else new_secret(name)


def weaknesses(values: Mapping[str, str], *, must_be_complete: bool = True) -> list[str]:
    """A sentence for each secret that is missing, weak, unfit for an address, or used twice. None of them shows the value."""
    problems: list[str] = []
    owner_of: dict[str, str] = {}
    for name in SECRETS:
        if name not in values and not must_be_complete:
            continue
        value = values.get(name, "")
        problem = weakness(name, value)
        if problem is None and value in owner_of:
            problem = f"is the same as {owner_of[value]}"
        owner_of[value] = name
        if problem is not None:
            problems.append(f"{name} ({SECRETS[name]}) {problem}.")
    return problems


def weakness(name: str, value: str) -> str | None:
    """What is wrong with one secret; None when nothing is."""
    if not value:
        return "is missing"
    if not PLAIN.fullmatch(value):
        return "holds a character that an address cannot: wanted letters, digits and - _ . ~"
    if name == FERNET and not _is_fernet_key(value):
        return "is no Fernet key: wanted 32 bytes in URL-safe base64"
    if len(value) < FEWEST_CHARACTERS:
        return f"has {len(value)} characters: wanted {FEWEST_CHARACTERS} or more"
    if len(set(value)) < FEWEST_DIFFERENT or any(word in value.lower() for word in GUESSED):
        return "can be guessed: wanted random characters"
    return None


def _is_fernet_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value, altchars=b"-_", validate=True)) == 32
    except binascii.Error:
        return False


def _filled(lines: list[str], made: Mapping[str, str]) -> str:
    """The lines with the new values in their places, or after the last line where a variable has none."""
    left = dict(made)
    written = []
    for line in reversed(lines):  # the last line of a name is the one that holds
        match = LINE.match(line.strip())
        written.append(f"{match['name']}={left.pop(match['name'])}" if match and match["name"] in left else line)
    return "\n".join([*reversed(written), *(f"{name}={value}" for name, value in left.items())]) + "\n"


def _replace(file: Path, text: str) -> None:
    """Write the whole file or nothing, for its owner only."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=file.resolve().parent, prefix=f"{file.name}.", delete=False, encoding="utf-8"
        ) as new:  # 0600 by nature
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        Path(new.name).replace(file.resolve())
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from None


if __name__ == "__main__":
    sys.exit(main())
