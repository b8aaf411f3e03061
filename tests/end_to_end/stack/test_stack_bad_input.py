"""What people get wrong: the stack says what and where, what runs goes on running, and nothing is half made."""

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

pytestmark = pytest.mark.stack


@pytest.fixture
def beside(stack, tmp_path) -> Iterator:
    """The same stack under another name, with a .env of its own to spoil; only what a test starts of it is made."""
    env_file = tmp_path / ".env"
    one = replace(stack, env_file=env_file, project="retain-test-beside")

    def spoil(old: str, new: str):
        text = stack.env_file.read_text()
        assert old in text
        lines = [line for line in text.replace(old, new).splitlines() if "_PORT=" not in line or line.startswith(new)]
        env_file.write_text("\n".join([*lines, "RETAIN_AIRFLOW_PORT=0", "RETAIN_SUPERSET_PORT=0"]) + "\n")
        return one

    yield spoil
    one.compose("kill", check=False)  # a server that is still making its data folder takes two minutes to stop
    one.compose("down", "--volumes", check=False)


def test_a_missing_secret_is_named_before_anything_is_made(beside, stack):
    secret = stack.values["RETAIN_OWNER_PASSWORD"]
    done = beside(f"RETAIN_OWNER_PASSWORD={secret}", "RETAIN_OWNER_PASSWORD=").compose(
        "up", "-d", "postgres", check=False
    )
    assert done.returncode != 0
    assert "RETAIN_OWNER_PASSWORD is missing a value: run bin/retain secrets first" in done.stderr


def test_a_weak_secret_is_refused_and_not_shown(beside, stack):
    one = beside(f"RETAIN_OWNER_PASSWORD={stack.values['RETAIN_OWNER_PASSWORD']}", "RETAIN_OWNER_PASSWORD=hunter2")
    assert one.compose("up", "-d", "--wait", "postgres", check=False).returncode != 0
    said = one.compose("logs", "secrets").stdout
    assert "RETAIN_OWNER_PASSWORD (the owner of the warehouse) has 7 characters" in said
    assert "hunter2" not in said
    running = one.compose("ps", "--status", "running", "--services").stdout.split()
    assert running == []


def test_a_port_that_is_taken_is_named_and_the_others_stay_up(beside, stack):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        one = beside(f"RETAIN_POSTGRES_PORT={stack.values['RETAIN_POSTGRES_PORT']}", f"RETAIN_POSTGRES_PORT={port}")
        done = one.compose("up", "-d", "--wait", "postgres", "shop-database", check=False)
        assert done.returncode != 0
        assert f"127.0.0.1:{port}" in done.stderr
        assert "in use" in done.stderr
    assert stack.rows("select 1") == [(1,)]


def test_the_volume_of_an_older_postgresql_is_named_and_left_as_it_is(beside):
    one = beside("RETAIN_BIND=127.0.0.1", "RETAIN_BIND=127.0.0.1")
    one.compose("up", "-d", "--wait", "postgres")  # makes the volume
    one.compose("stop", "postgres")
    data = f"{one.project}_postgres:/data"
    older = ["docker", "run", "--rm", "--user", "postgres", "-v", data, "--entrypoint", "sh", "postgres:17", "-c"]
    subprocess.run([*older, "echo 16 >/data/PG_VERSION"], check=True)
    assert one.compose("up", "-d", "--wait", "postgres", check=False).returncode != 0
    said = one.compose("logs", "postgres").stdout
    assert "initialized by PostgreSQL version 16" in said
    left = subprocess.run([*older, "cat /data/PG_VERSION && ls /data/base"], capture_output=True, text=True, check=True)
    assert left.stdout.split()[0] == "16"
    assert len(left.stdout.split()) > 3


def test_a_wrong_retain_yml_is_told_with_its_line_and_nothing_else_stops(stack, tmp_path):
    from retain.cli.instance import DEMO_CONFIG

    wrong = tmp_path / "wrong.yml"
    wrong.write_text(DEMO_CONFIG.read_text().replace("timezone: Asia/Yerevan", "timezone: Asia/Yerewan", 1))
    tmp_path.chmod(0o755)
    wrong.chmod(0o644)
    line = next(number for number, text in enumerate(wrong.read_text().splitlines(), 1) if "Yerewan" in text)
    done = stack.compose("run", "--rm", "-T", "-v", f"{wrong}:/etc/retain/wrong.yml:ro", "retain", "prepare",
                         "--config", "/etc/retain/wrong.yml", check=False)  # fmt: skip
    assert done.returncode == 2
    assert f"wrong.yml:{line}" in done.stderr + done.stdout
    assert "did you mean Asia/Yerevan?" in done.stderr + done.stdout
    assert stack.rows("select 1") == [(1,)]


def test_a_source_out_of_reach_is_named_and_the_other_is_loaded(stack):
    stack.compose("stop", "shop-database")
    try:
        away = stack.compose("run", "--rm", "-T", "retain", "load", "--source", "webshop", check=False)
        there = stack.compose("run", "--rm", "-T", "retain", "load", "--source", "tills", "--entity", "products")
    finally:
        stack.compose("start", "shop-database")
    assert away.returncode == 3
    assert "webshop" in away.stdout + away.stderr
    assert "Traceback" not in away.stdout + away.stderr
    assert "published" in there.stdout


SMALL_DISK = """
services:
  postgres:
    environment: {PGDATA: /var/lib/postgresql/data/here}
volumes:
  postgres:
    driver_opts: {type: tmpfs, device: tmpfs, o: "size=256m,mode=1777"}
"""
FILLER = "/var/lib/postgresql/data/filler"


def test_a_full_disk_is_told_nothing_is_half_migrated_and_the_next_start_goes_on(beside, stack, tmp_path):
    small = tmp_path / "small-disk.yml"
    small.write_text(SMALL_DISK)
    one = replace(beside("RETAIN_BIND=127.0.0.1", "RETAIN_BIND=127.0.0.1"), changes=(small,))
    one.compose("up", "-d", "--wait", "postgres")
    one.compose("run", "--rm", "-T", "databases")
    one.compose("exec", "-T", "postgres", "sh", "-c", f"cat /dev/zero >{FILLER}; true")
    told = one.compose("run", "--rm", "-T", "warehouse-init", check=False)
    assert told.returncode == 3
    assert "No space left on device" in told.stdout + told.stderr
    assert "Traceback" not in told.stdout + told.stderr
    ask = ("exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "retain", "-Atc")
    one.compose("exec", "-T", "postgres", "rm", FILLER)
    schemas = "select count(*) from pg_namespace where nspname in ('landing', 'raw', 'ops', 'marts')"
    migrated = "select count(*) from pg_tables where tablename = 'retain_migrations'"
    half = [one.compose(*ask, query).stdout.strip() for query in (schemas, migrated)]
    assert half in (["0", "0"], ["4", "1"])  # each migration is whole or not there
    one.compose("run", "--rm", "-T", "warehouse-init")
    assert [one.compose(*ask, query).stdout.strip() for query in (schemas, migrated)] == ["4", "1"]
    assert stack.rows("select 1") == [(1,)]
