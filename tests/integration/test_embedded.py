import contextlib
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

import psycopg
import pytest

from retain.embedded import EmbeddedServer
from retain.errors import UserError
from retain.state_folder import secret


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="retain-tests-"))
    path.chmod(0o755)
    yield path
    server = EmbeddedServer(path)
    server.stop("immediate")
    shutil.rmtree(server.home, ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)


def test_a_server_keeps_its_data_port_and_password_over_a_restart(folder):
    server = EmbeddedServer(folder)
    server.start()
    server.create_database("kept")
    before = server.dsn("kept")
    server.stop()
    assert not server.is_running()
    again = EmbeddedServer(folder)
    again.start()
    assert again.dsn("kept") == before
    with psycopg.connect(**before) as connection:
        assert connection.execute("select current_database()").fetchone() == ("kept",)


def test_it_listens_on_loopback_only_asks_for_a_password_and_never_runs_as_root(folder):
    server = EmbeddedServer(folder)
    server.start()
    with psycopg.connect(**server.dsn("postgres")) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("show unix_socket_directories").fetchone() == ("",)
        pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**{**server.dsn("postgres"), "password": "wrong"})
    assert os.stat(f"/proc/{pid}").st_uid != 0  # noqa: PTH116 -- the owner of the process
    assert (folder / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_first_start_that_was_killed_leaves_nothing_that_looks_finished(folder):
    server = EmbeddedServer(folder)
    half_done = server.home / "data.new"
    half_done.mkdir(parents=True)
    (half_done / "PG_VERSION").write_text("18\n")
    server.start()
    assert server.is_running()


def test_a_server_that_was_killed_comes_up_again_although_a_session_of_it_still_works(folder):
    server = EmbeddedServer(folder)
    server.start()
    dsn, is_working = server.dsn("postgres"), threading.Event()

    def work():
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(**dsn) as connection:
            is_working.set()
            connection.execute("select sum(n % 7) from generate_series(1, 20000000) as n")

    session = threading.Thread(target=work)
    session.start()
    is_working.wait(10)
    time.sleep(0.3)
    os.kill(int((server.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    server.start()
    assert server.is_running()
    session.join()


def test_a_port_in_use_is_a_sentence(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} on 127.0.0.1 is in use"):
            EmbeddedServer(folder, port).start()


def test_a_data_folder_of_another_postgresql_is_a_sentence(folder):
    server = EmbeddedServer(folder)
    server.start()
    server.stop()
    (server.data / "PG_VERSION").write_text("99\n")
    with pytest.raises(UserError, match="was made by PostgreSQL 99"):
        server.start()
    (server.data / "PG_VERSION").write_text("18\n")


def test_a_secret_is_made_once(folder):
    assert secret(folder, "one") == secret(folder, "one") != secret(folder, "another")


def test_a_running_server_is_found_whatever_became_of_the_note_of_its_port(folder):
    server = EmbeddedServer(folder)
    server.start()
    before = server.dsn()
    for damaged in ("{", "[1]", '{"port": 1}'):
        (folder / "server.json").write_text(damaged)
        assert EmbeddedServer(folder).dsn() == before
        EmbeddedServer(folder).start()


def test_passwords_of_another_server_are_told_as_such(folder):
    server = EmbeddedServer(folder)
    server.start()
    (folder / "secrets.json").write_text('{"owner_password": "of another"}')
    with pytest.raises(UserError, match=r"secrets\.json does not hold the password of the server"):
        EmbeddedServer(folder).start()


def test_passwords_of_another_server_are_told_when_it_is_started_too(folder):
    server = EmbeddedServer(folder)
    server.start()
    server.stop()
    (folder / "secrets.json").write_text('{"owner_password": "of another"}')
    with pytest.raises(UserError, match=r"secrets\.json does not hold the password of the server"):
        EmbeddedServer(folder).start()
    assert not (server.data / "postmaster.pid").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server has its data elsewhere than its folder")
def test_a_folder_of_root_that_was_removed_begins_anew_and_one_that_was_moved_finds_its_data(folder):
    folder.chmod(0o700)  # the server's user cannot enter it
    here, there = folder / "here", folder / "there"
    homes = set()
    try:
        server = EmbeddedServer(here)
        server.start()
        homes.add(server.home)
        server.create_database("kept")
        server.stop()
        here.rename(there)
        moved = EmbeddedServer(there)
        moved.start()
        assert not moved.create_database("kept")
        moved.stop()
        shutil.rmtree(there)
        for _ in range(2):  # the second finds what the first has made
            anew = EmbeddedServer(there)
            anew.start()
            homes.add(anew.home)
            anew.create_database("of_its_own")
            with psycopg.connect(**anew.dsn("postgres")) as connection:
                assert not connection.execute("select from pg_database where datname = 'kept'").fetchall()
            (there / "server.json").unlink(missing_ok=True)
        assert len(homes) == 2
    finally:
        EmbeddedServer(there).stop("immediate")
        for home in homes:
            shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_file_of_passwords_is_told_and_left_as_it_is(folder, content):
    (folder / "secrets.json").write_text(content)
    with pytest.raises(UserError, match=r"secrets\.json is damaged"):
        EmbeddedServer(folder).start()
    assert (folder / "secrets.json").read_text() == content


@pytest.mark.parametrize(
    ("below", "words"),
    [("file", "a file is in its place"), ("file/state", "a file is in its place"), ("x" * 300, "too long")],
)
def test_a_folder_that_cannot_be_made_is_told(folder, below, words):
    (folder / "file").touch()
    with pytest.raises(UserError, match=words):
        EmbeddedServer(folder / below).start()
