"""`retain test`, `retain bench`, `retain lint` and `retain lock`: what a contributor and CI run."""

import os
import shutil
import subprocess
import sys
import tempfile

from retain.cli.instance import REPOSITORY
from retain.errors import OutOfReach, UserError

STACK = "tests/end_to_end/stack"  # containers: minutes, and a Docker engine
# Much of their time they wait: for the processes of Airflow and Superset, for a vendor that is asked no faster than it allows.
WAITING = (
    "tests/dags",
    "tests/end_to_end/test_airflow_web.py",
    "tests/end_to_end/test_superset.py",
    "tests/integration/rest",
    "tests/integration/ready_made",
    "tests/integration/shopify",
    "tests/integration/test_erasing_touches_nobody_else.py",  # waits for nothing; the two then end together
)


def test(arguments: list[str]) -> None:
    """Run pytest with these arguments; without any, all tests that need no Docker, in two processes side by side.

    `--stack` runs those that start docker-compose.yml. Ends with the worse exit code. Raises OutOfReach where no Docker answers.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    pytest = [sys.executable, "-m", "pytest"]
    os.chdir(REPOSITORY)
    if "--stack" in arguments:
        _ask_for_docker()
        arguments = ["-m", "stack", STACK, *(argument for argument in arguments if argument != "--stack")]
    if arguments:
        os.execvpe(sys.executable, [*pytest, *arguments], environment)
    with tempfile.TemporaryFile("w+") as output:
        with subprocess.Popen([*pytest, *WAITING], env=environment, stdout=output, stderr=subprocess.STDOUT) as waiting:
            others = subprocess.run([*pytest, *(f"--ignore={path}" for path in WAITING)], env=environment, check=False)
            print(f"Waiting for {', '.join(WAITING)}.", flush=True)
        output.seek(0)
        shutil.copyfileobj(output, sys.stdout)
    sys.exit(max(others.returncode, waiting.returncode))


def _ask_for_docker() -> None:
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
        said = done.stderr.strip().splitlines()
    except FileNotFoundError:
        raise OutOfReach(
            "The stack runs on Docker, and this machine has no command `docker`.",
            hint="Install Docker Engine with compose.",
        ) from None
    if done.returncode != 0:
        raise OutOfReach(
            f"The stack runs on Docker, and no engine answers: {said[-1] if said else 'it said nothing'}",
            hint="Start one, or set DOCKER_HOST to one.",
        )


def bench(name: str, format: str, arguments: list[str]) -> None:
    """Run a bench of bench/; `arguments` are its own options, `--orders 1000 --only one two`."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.path.insert(0, str(REPOSITORY))
    from bench.running import run

    run(name, format, options_of(arguments))


def options_of(arguments: list[str]) -> dict[str, list[str]]:
    """Each `--option` with the values that follow it. Raises UserError for a value that follows none."""
    options: dict[str, list[str]] = {}
    values: list[str] | None = None
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name.startswith("--"):
            values = options.setdefault(name[2:].replace("-", "_"), [])
            values += [value] if equals else []
        elif values is None:
            raise UserError(f"'{argument}' belongs to no option.", hint="Options are written like --orders 1000.")
        else:
            values.append(argument)
    return options


def lint() -> None:
    commands = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "retain", "expectations", "bench"],
        ["sqlfluff", "lint", "dbt_project/models", "dbt_project/tests", "--disable-progress-bar", "--processes", "2"],
    ]
    worst = 0
    for command in commands:
        print("$", *command, flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, check=False).returncode)
    sys.exit(min(worst, 1))


def lock() -> None:
    for name in ("requirements", "requirements-dev", "docker/superset/requirements"):
        command = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
        subprocess.run(
            [sys.executable, "-m", *command, "--output-file", f"{name}.txt", f"{name}.in"], cwd=REPOSITORY, check=True
        )


def dashboards() -> None:
    from retain.dashboards import write

    print(f"{len(write())} files of dashboards/ are as retain/dashboards/ declares them.")
