"""`retain doctor` on the screen: a line a finding, and what to do below each that is not good."""

import sys
from collections.abc import Iterable
from pathlib import Path

from rich.markup import escape

from retain.cli.instance import settings_of
from retain.cli.screen import console, heading
from retain.doctor import examine
from retain.source_checks import Finding

MARKS = {"good": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "wrong": "[red]✗[/red]"}


def doctor(config: Path | None) -> None:
    """Print every finding; exit code 2 when one of them is wrong."""
    settings = settings_of(config)
    heading(f"Retain for {settings.business.name}, as {settings.path} says")
    end_with(examine(settings))


def end_with(findings: Iterable[Finding]) -> None:
    """A line a finding, as it is made; exit code 2 when one of them is wrong."""
    wrong = 0
    for finding in findings:
        console.print(
            f"{MARKS[finding.state]} {escape(finding.subject)}  [dim]{escape(finding.sentence)}[/dim]", soft_wrap=True
        )
        if finding.to_do:
            console.print(f"    {escape(finding.to_do)}", soft_wrap=True)
        wrong += finding.state == "wrong"
    if wrong:
        console.print(f"\n{wrong} to put right.", style="red")
        sys.exit(2)
