"""`retain test`, `retain lint` and `retain lock`: what a contributor and CI run."""

import os
import subprocess
import sys

from retain.cli.instance import REPOSITORY


def test(arguments: list[str]) -> None:
    os.chdir(REPOSITORY)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    os.execvpe(sys.executable, [sys.executable, "-m", "pytest", *arguments], environment)


def lint() -> None:
    commands = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "retain", "expectations"],
        ["sqlfluff", "lint", "dbt_project/models", "dbt_project/tests", "--disable-progress-bar", "--processes", "2"],
    ]
    worst = 0
    for command in commands:
        print("$", *command, flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, check=False).returncode)
    sys.exit(min(worst, 1))


def lock() -> None:
    for name in ("requirements", "requirements-dev"):
        command = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
        subprocess.run(
            [sys.executable, "-m", *command, "--output-file", f"{name}.txt", f"{name}.in"], cwd=REPOSITORY, check=True
        )
