"""Make Retain's environment from the locked requirements; needs nothing but the standard library.

Usage: make_environment.py FOLDER LOCK_FILE...  (lock files are named relative to the repository)
The packages are installed by uv, which the lock pins like everything else; where uv cannot work
(an index that only pip is set up for), by pip.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    folder, locks = Path(sys.argv[1]), [ROOT / name for name in sys.argv[2:]]
    started = time.monotonic()
    say(f"Retain: making its environment in {folder} (once; a few minutes where nothing is cached)")
    try:
        with only_one(folder):
            if all(is_installed(folder, lock) for lock in locks):
                return 0  # another process made it while this one waited
            make(folder, locks)
    except subprocess.CalledProcessError as error:
        say(
            f"Retain: the environment could not be made: {' '.join(map(str, error.cmd[:4]))} … ended with {error.returncode}."
        )
        say((error.output or "").strip()[-2000:])
        say("Is the package index reachable, and is there space on the disk? Run the same command again to go on.")
        return 3
    say(f"Retain: environment ready after {time.monotonic() - started:.0f} s")
    return 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def only_one(folder: Path):  # type: ignore[no-untyped-def]  # an open file is its own context manager
    """Hold a lock until the file is closed, so that two first commands at once do not install over each other."""
    import fcntl

    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def is_installed(folder: Path, lock: Path) -> bool:
    stamp = folder / f"installed-{lock.name}"
    return stamp.exists() and stamp.read_bytes() == lock.read_bytes()


def make(folder: Path, locks: list[Path]) -> None:
    python = folder / "bin" / "python"
    if not usable(python):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            venv.create(folder, with_pip=True)
        except subprocess.CalledProcessError:
            say(
                "Retain: this Python cannot make virtual environments with pip (on Debian and Ubuntu: install python3-venv)."
            )
            raise
    for lock in locks:  # a failed installation must not look like a finished one
        (folder / f"installed-{lock.name}").unlink(missing_ok=True)
    wanted = [argument for lock in locks for argument in ("-r", str(lock))]
    if not install_with_uv(python, folder, wanted):
        run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", *wanted])
    for lock in locks:
        shutil.copyfile(lock, folder / f"installed-{lock.name}")


def usable(python: Path) -> bool:
    if not python.exists():
        return False
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0


def install_with_uv(python: Path, folder: Path, wanted: list[str]) -> bool:
    """Install by uv: several times faster than pip. False when it could not."""
    pinned = re.search(r"^uv==.*?(?=^\S|\Z)", (ROOT / "requirements.txt").read_text(), re.MULTILINE | re.DOTALL)
    if pinned is None:
        return False
    only_uv = folder / "uv.txt"
    only_uv.write_text(pinned.group(0))
    try:
        run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(only_uv)])
        run([str(folder / "bin" / "uv"), "pip", "install", "--python", str(python), "--require-hashes", *wanted])
    except subprocess.CalledProcessError:
        say("Retain: uv could not install the packages; trying pip, which is slower")
        return False
    return True


def run(command: list[str]) -> None:
    environment = {
        **os.environ,
        "UV_SYSTEM_CERTS": "1",
        "UV_COMPILE_BYTECODE": "1",  # some machines forbid writing bytecode at run time: then imports take three times as long
        "UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "hardlink"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    environment.pop("PYTHONPATH", None)
    if "UV_DEFAULT_INDEX" not in environment and "PIP_INDEX_URL" in environment:
        environment["UV_DEFAULT_INDEX"] = environment["PIP_INDEX_URL"]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


if __name__ == "__main__":
    sys.exit(main())
