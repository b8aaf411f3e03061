"""Filling a real database and real folders: once, twice, later, and after being killed."""

import hashlib
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from retain.config import load_settings
from retain.demo.database import TABLES
from retain.demo.fill import Filled, fill
from retain.demo.fill import fill as fill_function
from retain.demo.serving import COLLECTIONS
from retain.errors import OutOfReach, UserError

CONFIG = Path(__file__).parents[3] / "examples" / "demo" / "retain.yml"
START, UNTIL = date(2023, 1, 15), date(2024, 6, 30)


def fill_into(database: dict[str, Any], folder: Path, until: date = UNTIL, **options: Any) -> Filled:
    options = {"customers": 500, "start": START} | options
    return fill(database, folder / "tills", folder / "truth", folder / "systems", until=until, **options)


def everything(database: dict[str, Any], folder: Path) -> dict[str, str]:
    """A digest of every table and every file."""
    with psycopg.connect(**database) as connection:
        found = {
            table: str(
                connection.execute(
                    f"select md5(string_agg(one::text, '|' order by one::text)) from {table} as one"
                ).fetchone()
            )
            for table in (*TABLES, "demo_run")
        }
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def modified(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_filling_again_changes_nothing_and_a_later_day_only_adds(database: dict[str, Any], tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    first = fill_into(database, tmp_path, progress=lambda *step: steps.append(step))
    assert first.changed
    assert first.rows_written["orders"] > 300
    assert {step for step, _, _ in steps} == {
        "people and purchases",
        "till files",
        "web systems",
        "truth",
        "shop database",
    }
    assert all(0 <= done <= total for _, done, total in steps)
    before, times = everything(database, tmp_path), modified(tmp_path)

    again = fill_into(database, tmp_path)
    assert not again.changed
    assert everything(database, tmp_path) == before
    assert modified(tmp_path) == times
    assert not fill_into(database, tmp_path, UNTIL - timedelta(days=9)).changed, "an earlier day takes nothing back"

    later = fill_into(database, tmp_path, UNTIL + timedelta(days=1), start=None)
    assert later.start == START
    assert 1 <= later.files_written <= 4
    assert later.rows_written["orders"] < 60
    old_files = {name: digest for name, digest in before.items() if "sales/" in name or "members/" in name}
    assert old_files.items() <= everything(database, tmp_path).items()


def test_a_shop_filled_in_steps_equals_one_filled_at_once(
    database: dict[str, Any], server: Any, tmp_path: Path
) -> None:
    server.create_database("filled_at_once")
    at_once = server.dsn("filled_at_once")
    for until in (UNTIL - timedelta(days=50), UNTIL - timedelta(days=49), UNTIL):
        fill_into(database, tmp_path / "steps", until)
    fill_into(at_once, tmp_path / "once")
    assert everything(database, tmp_path / "steps") == everything(at_once, tmp_path / "once")


def test_a_filling_that_was_killed_is_finished_by_the_next_though_a_day_has_passed(
    database: dict[str, Any], tmp_path: Path
) -> None:
    class Killed(BaseException):
        """As a kill would: nothing catches it."""

    def kill_at(step: str, share: float) -> Any:
        def watch(what: str, done: int, total: int) -> None:
            if what == step and done >= share * total:
                raise Killed

        return watch

    for step, share in (("till files", 0.4), ("web systems", 0.0), ("truth", 0.0), ("shop database", 0.5)):
        with pytest.raises(Killed):
            fill_into(database, tmp_path, start=None, progress=kill_at(step, share))
    with psycopg.connect(**database) as connection:
        assert connection.execute("select to_regclass('orders')").fetchone() == (None,), "half a shop can be seen"
    day_later = UNTIL + timedelta(days=1)
    finished = fill_into(database, tmp_path, day_later, start=None)
    assert finished.start == date(2021, 7, 1), "three years to the day of the first try"
    assert finished.until == day_later
    assert not list(tmp_path.rglob("*.part"))
    assert not fill_into(database, tmp_path, day_later, start=None).changed


def test_files_that_were_removed_come_back_the_same(database: dict[str, Any], tmp_path: Path) -> None:
    fill_into(database, tmp_path)
    before = everything(database, tmp_path)
    shutil.rmtree(tmp_path / "tills" / "returns")
    (tmp_path / "truth" / "persons.parquet").unlink()
    (tmp_path / "systems" / "helpdesk" / "tickets.jsonl").unlink()
    assert fill_into(database, tmp_path).changed
    assert everything(database, tmp_path) == before


def test_a_new_shop_takes_the_place_of_an_old_one_s_files(database: dict[str, Any], tmp_path: Path) -> None:
    stale, foreign = tmp_path / "tills" / "sales" / "sales_2019-01-01.csv", tmp_path / "tills" / "sales" / "notes.csv"
    stale.parent.mkdir(parents=True)
    stale.write_text("receipt\nX\n")
    foreign.write_text("not ours\n")
    fill_into(database, tmp_path)
    assert not stale.exists()
    assert foreign.exists()


@pytest.mark.parametrize(
    ("option", "named"),
    [({"seed": 2}, "seed 20250101, not 2"), ({"customers": 600}, "number of customers 500, not 600")],
)
def test_a_shop_does_not_go_on_as_another(
    database: dict[str, Any], tmp_path: Path, option: dict[str, int], named: str
) -> None:
    fill_into(database, tmp_path)
    with pytest.raises(UserError, match=named):
        fill_into(database, tmp_path, **option)


def test_a_database_that_does_not_answer_is_out_of_reach(tmp_path: Path) -> None:
    nobody = {"host": "127.0.0.1", "port": 1, "user": "u", "password": "secret", "dbname": "shop"}
    with pytest.raises(OutOfReach, match="cannot be reached") as error:
        fill_function(nobody, tmp_path / "tills", tmp_path / "truth", tmp_path / "systems", until=UNTIL)
    assert "secret" not in str(error.value)


def test_a_folder_that_cannot_be_written_is_named(database: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "tills").write_text("a file, not a folder")
    with pytest.raises(UserError, match="tills"):
        fill_into(database, tmp_path)


def test_the_configuration_of_the_demo_reads_what_the_simulator_writes(
    database: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every table, column and file that examples/demo/retain.yml names is there, and the other way round."""
    fill_into(database, tmp_path)
    monkeypatch.setenv("RETAIN_SHOP_USER", database["user"])
    monkeypatch.setenv("RETAIN_SHOP_PASSWORD", database["password"])
    monkeypatch.setenv("RETAIN_SHOP_PORT", str(database["port"]))
    settings = load_settings(CONFIG)
    assert [source.name for source in settings.sources] == ["webshop", "tills", *COLLECTIONS]
    assert settings.business.country == "AM"
    webshop, tills, *_ = settings.sources
    with psycopg.connect(**database) as connection:
        for shape in webshop.entities.values():
            selected = ", ".join(shape.fields.values())
            rows = connection.execute(f"select {selected} from {shape.table}").fetchall()
            assert rows, shape
    assert {shape.table for shape in webshop.entities.values()} == set(TABLES)
    patterns = {pattern for shape in tills.entities.values() for pattern in shape.files}
    assert all(list((tmp_path / "tills").glob(pattern)) for pattern in patterns)
    written = set((tmp_path / "tills").rglob("*.csv"))
    assert written == {path for pattern in patterns for path in (tmp_path / "tills").glob(pattern)}
