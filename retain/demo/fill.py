"""Fill the demo shop: its database, its till files, what its web systems hold, and the truth; continue it on a later day."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg

from retain.demo.clock import Clock, day_number
from retain.demo.database import Progress, Run, remembered_run, write_tables
from retain.demo.shop import shop_orders, shop_tables
from retain.demo.simulation import check_asked, simulate
from retain.demo.systems import held, paths_of, system_files
from retain.demo.tills import KINDS_OF_FILE, receipt_numbers, till_files
from retain.demo.truth import TABLES_OF_TRUTH, truth_tables, write_truth
from retain.errors import OutOfReach, UserError

MODEL = 3  # raise it with every change of the simulator that would tell an existing shop another history


@dataclass(frozen=True)
class Filled:
    """What the shop holds, and what this call did. `changed` is False when the shop already reached the day asked for."""

    start: date
    until: date
    changed: bool
    rows_written: dict[str, int]
    files_written: int

    def __str__(self) -> str:
        """For a person, as the end of a step."""
        days = f"{self.start} to {self.until}"
        if not self.changed:
            return f"{days}, nothing new"
        return (
            f"{days}: {self.rows_written.get('orders', 0):,} web orders and {self.files_written:,} till files written"
        )


def fill(
    dsn: dict[str, Any],
    tills_folder: Path,
    truth_folder: Path,
    systems_folder: Path,
    *,
    until: date,
    seed: int = 20250101,
    customers: int = 20_000,
    start: date | None = None,
    progress: Progress | None = None,
) -> Filled:
    """Fill the shop from `start` (three years before `until` when it is new) to `until`, both included.

    `dsn` has host, port, user, password and dbname of a database that is empty or was filled before. `progress` is
    called with the name of a step, how much of it is done, and of how much. The same seed, start and until give the same
    bytes, whether the shop was filled at once or day by day. The files are written first and the database last, in one
    transaction, so a shop whose filling was killed is finished by the next call; a shop that already reaches `until` is
    left alone.

    Raises UserError when the shop was begun with another seed, start, size or version of the simulator, or a folder
    cannot be written; OutOfReach when the database cannot be reached.
    """
    tell = progress or (lambda step, done, total: None)
    begins = start or _three_years_before(until)
    check_asked(start=begins, until=until, customers=customers)
    try:
        connection = psycopg.connect(**dsn, autocommit=True, options="-c timezone=UTC")
    except psycopg.OperationalError as error:
        raise OutOfReach(f"The demo shop's database cannot be reached: {str(error).splitlines()[0]}") from None
    with closing(connection):
        run = remembered_run(connection, Run(seed, customers, MODEL, begins, None, 0))
        _check_same(run, seed, customers, start)
        known_until = run.filled_until
        has_files = _has_files(run, tills_folder, truth_folder, systems_folder)
        if known_until is not None:
            if known_until >= until and has_files:
                return Filled(run.start, known_until, False, {}, 0)
            until = max(until, known_until)

        tell("people and purchases", 0, 1)
        simulation = simulate(start=run.start, until=until, seed=seed, customers=customers)
        numbered, receipts, holds = shop_orders(simulation), receipt_numbers(simulation), held(simulation)
        tell("people and purchases", 1, 1)
        only_after = day_number(known_until) if known_until is not None and has_files else None
        try:
            files = list(till_files(simulation, receipts, only_after))
            files_written = _write_files(tills_folder, files, is_everything=only_after is None, tell=tell)
            tell("web systems", 0, 1)
            _write_systems(systems_folder, system_files(simulation, holds))
            tell("truth", 0, 1)
            write_truth(truth_folder, truth_tables(simulation, numbered, receipts, holds))
            tell("truth", 1, 1)
        except OSError as error:
            raise UserError(
                f"The demo shop's file {error.filename or tills_folder} cannot be written: {error.strerror or error}.",
                hint="Make room there, or let Retain write there, and start again.",
            ) from None
        since = None if known_until is None else Clock(run.start, known_until).cut
        rows_written = write_tables(
            connection,
            shop_tables(simulation, numbered, since),
            is_new=known_until is None,
            filled_until=until,
            till_files=_count_files(tills_folder),
            tell=tell,
        )
    return Filled(run.start, until, True, rows_written, files_written)


def _three_years_before(until: date) -> date:
    """The day after the same day three years ago, so that the years are full."""
    day = until + timedelta(days=1)
    try:
        return day.replace(year=day.year - 3)
    except ValueError:  # 29 February
        return date(day.year - 3, 3, 1)


def _check_same(run: Run, seed: int, customers: int, start: date | None) -> None:
    differences = [
        f"{what} {was}, not {wanted}"
        for what, was, wanted in (
            ("seed", run.seed, seed),
            ("number of customers", run.customers, customers),
            ("start", run.start, start or run.start),
            ("version of the simulator", run.model, MODEL),
        )
        if was != wanted
    ]
    if differences:
        raise UserError(
            f"This demo shop was begun with {'; '.join(differences)}, and cannot go on as another.",
            hint="Remove the demo's folder to begin a new shop, or ask for the same one.",
        )


def _has_files(run: Run, tills_folder: Path, truth_folder: Path, systems_folder: Path) -> bool:
    """Whether the files that go with the database are still there: their owner may have removed some."""
    truth = all((truth_folder / f"{name}.parquet").exists() for name in TABLES_OF_TRUTH)
    systems = all(path.exists() for path in paths_of(systems_folder))
    return (
        truth and systems and (tills_folder / "products.csv").exists() and _count_files(tills_folder) >= run.till_files
    )


def _write_systems(folder: Path, files: Iterable[tuple[str, str]]) -> None:
    """Every file whole: the systems read one again only when it was written."""
    for name, text in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)


def _count_files(folder: Path) -> int:
    return sum(1 for kind in KINDS_OF_FILE if (folder / kind).is_dir() for _ in (folder / kind).glob("*.csv"))


def _write_files(folder: Path, files: list[tuple[str, str]], *, is_everything: bool, tell: Progress) -> int:
    """Write what is missing or different; a file appears whole or not at all. Returns how many were written.

    With `is_everything` the daily files of an earlier shop in the same folder go away.
    """
    written = 0
    for kind in KINDS_OF_FILE:
        (folder / kind).mkdir(parents=True, exist_ok=True)
    if is_everything:
        wanted = {folder / name for name, _ in files}
        for kind in KINDS_OF_FILE:
            for path in (folder / kind).glob(f"{kind}_????-??-??.csv"):
                if path not in wanted:
                    path.unlink()
    for number, (name, text) in enumerate(files):
        if number % 200 == 0:
            tell("till files", number, len(files))
        path, content = folder / name, text.encode()
        if path.exists() and path.read_bytes() == content:
            continue
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        written += 1
    tell("till files", len(files), len(files))
    return written
