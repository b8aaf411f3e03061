"""`retain replay`: raw again, from landing alone; `retain backup` and `retain restore`: all of it, from a file."""

from pathlib import Path
from typing import Any

from rich.table import Table

from retain import backup, warehouse
from retain.cli.instance import settings_of
from retain.cli.options import unknown
from retain.cli.person import erased_again
from retain.cli.screen import console, step
from retain.counting import count
from retain.errors import UserError
from retain.person import register
from retain.replay import replay


def rebuild(config: Path | None, load_id: int | None, source: str | None, entity: str | None, everything: bool) -> None:
    if (load_id is not None) + (source is not None or entity is not None) + everything != 1:
        raise UserError(
            "Say what to rebuild: --load N for the records of one load, --source and --entity for those of one or both, or --all."
        )
    settings = settings_of(config)
    names = [one.name for one in settings.sources]
    if source is not None and source not in names:
        raise unknown("source", source, names)
    entities = sorted({name for one in settings.sources for name in one.entities})
    if entity is not None and entity not in entities:
        raise unknown("entity", entity, entities)
    warehouse.prepare(settings)
    with step("Rebuild raw from landing") as current:
        rebuilt = replay(
            settings,
            load_id=load_id,
            source=source,
            entity=entity,
            progress=lambda name, of, done, total: current.say(f"{name} {of}: load {done:,} of {total:,}"),
        )
        current.note = count(sum(one.records for one in rebuilt), "record")
    if not rebuilt:
        console.print("Nothing of that was ever published: there is nothing to rebuild.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("source", "entity"):
        table.add_column(column)
    for column in ("loads", "records", "rows that differed"):
        table.add_column(column, justify="right")
    for one in rebuilt:
        table.add_row(one.source, one.entity, f"{one.loads:,}", f"{one.records:,}", f"{one.rows_restored:,}")
    console.print(table)


def back_up(config: Path | None, file: Path) -> None:
    settings = settings_of(config)
    with step("Back up the warehouse") as current:
        told = backup.back_up(settings, file.absolute())
        current.note = (
            f"{count(_rows(told), 'row')} of {count(len(told['tables']), 'table')}, {file.stat().st_size / 1e6:,.1f} MB"
        )
    console.print(
        f"{file} and {file}.json hold personal data and can be read by you only; keep them together.", soft_wrap=True
    )


def restore(config: Path | None, file: Path) -> None:
    settings = settings_of(config)
    with step("Restore the warehouse") as current:
        told = backup.restore(settings, file.absolute())
        current.note = (
            f"{count(_rows(told), 'row')} of {count(len(told['tables']), 'table')}, each as it was at {told['made_at']}"
        )
    if told["erasures_repeated"]:
        erased_again(told["erasures_repeated"], told["customers_erased_again"])
    elif not register.path_of(settings).exists():
        console.print(
            f"[dim]There is no {register.path_of(settings)}, the register of erasures: whoever was erased after the backup was made "
            "is in the warehouse again. If there is such a file elsewhere, put it there and run `retain person repeat`.[/dim]",
            soft_wrap=True,
        )


def _rows(told: dict[str, Any]) -> int:
    return sum(rows for rows, _ in told["tables"].values())
