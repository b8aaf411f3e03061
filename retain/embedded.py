"""A real PostgreSQL of Retain's own: binaries from a wheel, one data folder, loopback only, never as root."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from retain.binaries import SHARED_HOME, find_binaries, major_version, server_user
from retain.errors import OutOfReach, UserError
from retain.state_folder import make_folder, secret

OWNER = "retain"
# The sessions of a server that was killed go on for a moment, and no other may open its folder meanwhile.
LINGERING, A_KILLED_SERVER_LINGERS = ("lock file", "pre-existing shared memory block"), 15.0  # seconds
NOT_LET_IN = "password authentication failed"
# The same order of texts as the operating system's C.UTF-8, by comparing bytes: keys sort a fifth faster.
BUILT_IN_COLLATION = 17
BUILT_IN = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")

# One machine, one warehouse, large set-based queries: see DESIGN.md, "Speed". Commits stay durable.
PARAMETERS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "512MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "2GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Who first reads a table that was made without log writes each of its pages to the log (checksums want that): to compress
    # them takes ten times as long, 1.8 s for 200 MB instead of 0.2 s.
    "wal_compression": "off",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_min_messages": "fatal",  # an error message may quote a value, and a value may be personal
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


class EmbeddedServer:
    """One PostgreSQL server whose life is tied to a state folder: `start`, `stop`, `dsn`.

    `folder` keeps secrets.json (mode 0600) and server.json; the data folder is `folder`/postgres, or one under /var/lib/retain
    when Retain is root and the server's user cannot enter `folder`.
    """

    def __init__(self, folder: Path, port: int | None = None, parameters: dict[str, str] | None = None) -> None:
        self.folder = folder.resolve()
        self.wanted_port = port
        self.parameters = {**PARAMETERS, **(parameters or {})}
        self.user = server_user()

    @property
    def home(self) -> Path:
        """The folder that belongs to the server's user: data/ and server.log."""
        beside = self.folder / "postgres"
        if self.user is None or self.user.can_reach(self.folder) or (beside / "data").exists():
            return beside
        known = Path(str(self._remembered().get("home", "")))
        if SHARED_HOME in known.parents and (known / "data").exists():
            return known  # also after the folder was moved
        # A folder that was removed leaves its data there; who begins anew in its place has another password.
        password = secret(self.folder, "owner_password") if (self.folder / "secrets.json").exists() else ""
        mark = hashlib.sha256(password.encode()).hexdigest()[:8]
        return SHARED_HOME / "servers" / f"{str(self.folder).strip('/').replace('/', '-')}-{mark}"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def _remembered(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.folder / "server.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return {}

    def _port(self) -> int:
        """Where a running server says that it listens, else where the last one was asked to."""
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[3])
        except (OSError, ValueError, IndexError):
            return int(self._remembered().get("port", 0))

    def dsn(self, dbname: str = "retain") -> dict[str, Any]:
        """Connection parameters of the owner for psycopg: host, port, dbname, user, password."""
        return {
            "host": "127.0.0.1",
            "port": self._port(),
            "dbname": dbname,
            "user": OWNER,
            "password": secret(self.folder, "owner_password"),
        }

    def is_running(self) -> bool:
        return (self.data / "postmaster.pid").exists() and self._refusal() is None

    def _refusal(self) -> str | None:
        """Why the server does not let its owner in; None when it does."""
        try:
            with psycopg.connect(**self.dsn("postgres"), connect_timeout=3):
                return None
        except psycopg.OperationalError as error:
            return str(error)

    def start(self) -> None:
        """Make the server if it does not exist and bring it up; returns at once when it is up.

        Raises UserError for a port in use, a data folder of another version or another password, OutOfReach when the server
        does not come up.
        """
        make_folder(self.folder)
        secret(self.folder, "owner_password")
        if self.is_running():
            return
        with self._only_one():
            if self.is_running():
                return
            binaries = find_binaries(self.user)
            if not self.data.exists():
                self._make(binaries)
            self._check_version(binaries)
            port = self._choose_port()
            (self.folder / "server.json").write_text(json.dumps({"port": port, "home": str(self.home)}))
            parameters = " ".join(
                f"-c {name}='{value}'" for name, value in {**self.parameters, "port": str(port)}.items()
            )
            command = [
                binaries / "pg_ctl",
                "-D",
                self.data,
                "-l",
                self.log,
                "-w",
                "-t",
                "120",
                "-o",
                parameters,
                "start",
            ]
            deadline = time.monotonic() + A_KILLED_SERVER_LINGERS
            while self._run(command).returncode != 0:
                if self.is_running():
                    return
                lingers = any(words in line for line in self._complaints() for words in LINGERING)
                if lingers:
                    self._check_password()
                if lingers and time.monotonic() < deadline:
                    time.sleep(0.5)
                    continue
                raise OutOfReach(
                    f"The embedded PostgreSQL in {self.home} did not start: {self._complaints()[-1].rstrip('.')}.",
                    hint=f"Its log is {self.log}.",
                )
            try:
                self._check_password()
            except UserError:
                self.stop()
                raise

    def _check_password(self) -> None:
        if NOT_LET_IN in (self._refusal() or ""):
            raise UserError(
                f"{self.folder / 'secrets.json'} does not hold the password of the server in {self.home}.",
                hint="Put a copy of it back, of the time when the server was made.",
            )

    def stop(self, mode: str = "fast") -> bool:
        """Stop the server; False when none was running. `immediate` saves nothing: for a server that will not start again."""
        if not (self.data / "postmaster.pid").exists():
            return False
        done = self._run([find_binaries(self.user) / "pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", "60", "stop"])
        return done.returncode == 0

    def create_database(self, name: str) -> bool:
        """Make database `name` where it does not exist; says whether it was made."""
        with psycopg.connect(**self.dsn("postgres"), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return False
            database = sql.Identifier(name)
            connection.execute(sql.SQL("create database {}").format(database))
            connection.execute(sql.SQL("revoke all on database {} from public").format(database))
            return True

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        import fcntl

        with (self.folder / "server.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _run(self, command: list[Any]) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        drop: dict[str, Any] = (
            {"user": self.user.uid, "group": self.user.gid, "extra_groups": []} if self.user is not None else {}
        )
        # The output goes to a file, not a pipe: the server inherits it and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                start_new_session=True,  # a Ctrl-C in the terminal ends the command, not the warehouse
                check=False,
                **drop,
            )
            output.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, output.read(), "")

    def _make(self, binaries: Path) -> None:
        """initdb into a folder of another name, then rename: a killed first start leaves nothing that looks finished."""
        self.home.mkdir(parents=True, exist_ok=True)
        half_done = self.home / "data.new"
        shutil.rmtree(half_done, ignore_errors=True)
        password = self.home / "password.new"
        password.touch(mode=0o600)
        password.write_text(secret(self.folder, "owner_password") + "\n")
        if self.user is not None:
            os.chown(self.home, self.user.uid, self.user.gid)
            os.chown(password, self.user.uid, self.user.gid)
            self.home.chmod(0o700)
        try:
            done = self._run(
                [
                    *(binaries / "initdb", "-D", half_done, "-U", OWNER, f"--pwfile={password}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
                    *(BUILT_IN if major_version(binaries) >= BUILT_IN_COLLATION else ()),
                ]
            )
        finally:
            password.unlink(missing_ok=True)
        if done.returncode != 0:
            raise OutOfReach(f"PostgreSQL could not make its data folder {half_done}: {done.stdout.strip()}")
        half_done.rename(self.data)

    def _check_version(self, binaries: Path) -> None:
        made_by, have = (self.data / "PG_VERSION").read_text().strip(), major_version(binaries)
        if made_by != str(have):
            raise UserError(
                f"The warehouse in {self.data} was made by PostgreSQL {made_by}; the binaries here are version {have}.",
                hint=f"Use the Retain release that made it, or move it with pg_dump and a PostgreSQL {made_by}.",
            )

    def _choose_port(self) -> int:
        if self.wanted_port is not None:
            if port_is_taken(self.wanted_port):
                raise UserError(
                    f"Port {self.wanted_port} on 127.0.0.1 is in use by another program, and warehouse.port asks for it.",
                    hint="Stop that program, or choose another port in retain.yml (without one, a free port is taken).",
                )
            return self.wanted_port
        last = self._remembered().get("port")
        return int(last) if last and not port_is_taken(int(last)) else free_port()

    def _complaints(self) -> list[str]:
        """The last lines of the log that complain; any last ones when none does."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        complaints = [line for line in lines if "FATAL" in line or "PANIC" in line or "ERROR" in line]
        return (complaints or lines or ["it left no log"])[-3:]
