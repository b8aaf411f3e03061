"""The secrets of the stack: made strong, kept as they are, refused when weak, and never shown."""

import os
import stat
import subprocess
import sys

import pytest

from retain.errors import UserError
from retain.passwords import EXAMPLE, FERNET, SECRETS, check, complete, new_secret, values_of, weakness

STRONG = "q3vT9xLw2RzKp7YbNc5HdM8e"


@pytest.fixture
def file(tmp_path):
    return tmp_path / ".env"


def values(file):
    return values_of(file.read_text().splitlines())


def test_a_missing_file_is_made_from_the_example_with_every_secret_in_it(file):
    assert f"{len(SECRETS)} secrets made" in complete(file)
    made, example = values(file), values_of(EXAMPLE.read_text().splitlines())
    assert {name: value for name, value in made.items() if name not in SECRETS} == {
        name: value for name, value in example.items() if name not in SECRETS
    }
    assert "different from each other" in check(made)


def test_the_example_names_every_secret_and_holds_none():
    example = values_of(EXAMPLE.read_text().splitlines())
    assert {name: example[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")


def test_only_the_owner_can_read_the_file_even_where_a_copy_was_open_to_all(file):
    file.write_text(EXAMPLE.read_text())
    file.chmod(0o644)
    complete(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_there_is_kept_to_the_byte(file):
    complete(file)
    before = file.read_bytes()
    assert "kept as they are" in complete(file)
    assert file.read_bytes() == before


def test_a_secret_that_a_later_release_asks_for_is_added_and_the_others_stay(file):
    complete(file)
    before = values(file)
    lines = [line for line in file.read_text().splitlines() if not line.startswith("RETAIN_REDIS_PASSWORD")]
    file.write_text("\n".join([*lines, "MY_OWN=kept"]))
    assert "1 secrets made" in complete(file)
    after = values(file)
    assert after.pop("MY_OWN") == "kept"
    assert after.pop("RETAIN_REDIS_PASSWORD") != before.pop("RETAIN_REDIS_PASSWORD")
    assert after == before


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "missing"),
        ("hunter2", "7 characters"),
        ("changeme-changeme-changeme-1234", "guessed"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "guessed"),
        ("p@ss/word:with#marks?and=more&", "an address cannot"),
        (STRONG, None),
    ],
)
def test_a_weak_secret_is_told_and_a_strong_one_is_not(value, sentence):
    problem = weakness("RETAIN_OWNER_PASSWORD", value)
    assert problem is None if sentence is None else sentence in (problem or "")


def test_a_key_for_fernet_must_be_one():
    assert weakness(FERNET, new_secret(FERNET)) is None
    assert "Fernet" in (weakness(FERNET, STRONG) or "")


def test_a_file_with_a_weak_secret_is_refused_as_it_is_and_the_secret_is_not_shown(file):
    complete(file)
    text = file.read_text().replace(values(file)["RETAIN_OWNER_PASSWORD"], "hunter2")
    file.write_text(text)
    with pytest.raises(UserError) as refused:
        complete(file)
    assert "RETAIN_OWNER_PASSWORD (the owner of the warehouse) has 7 characters" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert file.read_text() == text


def test_one_password_for_two_doors_is_refused():
    secrets = {name: new_secret(name) for name in SECRETS}
    secrets["RETAIN_BI_PASSWORD"] = secrets["RETAIN_OWNER_PASSWORD"]
    with pytest.raises(UserError, match=r"RETAIN_BI_PASSWORD .* is the same as RETAIN_OWNER_PASSWORD"):
        check(secrets)


def test_what_is_no_file_of_secrets_is_said(tmp_path):
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        complete(tmp_path)
    (tmp_path / "picture").write_bytes(b"\xd0\xff")
    with pytest.raises(UserError, match="is no text"):
        complete(tmp_path / "picture")


def test_the_launcher_needs_no_environment_of_python(file, tmp_path):
    """`bin/retain secrets` on a machine that only runs containers: nothing but a Python."""
    launcher = EXAMPLE.parent / "bin" / "retain"
    surroundings = {**os.environ, "RETAIN_ENVIRONMENT": str(tmp_path / "none"), "RETAIN_PYTHON": sys.executable}
    done = subprocess.run([launcher, "secrets", file], env=surroundings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(SECRETS)} secrets made" in done.stdout
    assert not (tmp_path / "none").exists()
    file.write_text(file.read_text() + "RETAIN_BI_PASSWORD=short\n")
    done = subprocess.run([launcher, "secrets", file], env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "has 5 characters" in done.stderr
