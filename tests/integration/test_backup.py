"""What comes out of a backup is what went in, in a warehouse of its own or of an embedded server; else nothing comes out."""

import json
import shutil
import signal
import stat
import subprocess
import sys

import psycopg
import pytest

from retain import backup, loads, warehouse
from retain.config import load_settings
from retain.errors import OutOfReach, Refused, UserError
from retain.roles import BI, TRANSFORMER


@pytest.fixture
def loaded(shop):
    """A shop with published loads, a mart, and one load kept in quarantine."""
    shop.write(
        "orders-1.csv",
        "id,customer,at,amount,currency,changed\n"
        + "".join(f"o{n},c{1 + n % 2},2025-01-{1 + n % 28:02},{n}.50,EUR,2025-02-01\n" for n in range(200))
        + "o999,c1,never,1,EUR,2025-02-01\n",
    )
    shop.load()
    with warehouse.connect(shop.settings, TRANSFORMER) as connection:
        connection.execute(
            "create table marts.figures as select count(*) as orders, sum(gross_amount) as gross from raw.orders"
        )
        connection.execute("create view staging.stg_orders as select * from raw.orders")
    return shop  # fmt: skip


@pytest.fixture
def empty(write_config, server, tmp_path, loaded):
    """The same retain.yml over a database that nobody has used."""
    name = f"{warehouse.dsn(loaded.settings)['dbname']}_again"
    server.create_database(name)
    path = tmp_path / "again.yml"
    path.write_text(
        loaded.settings.path.read_text().replace(f"/{warehouse.dsn(loaded.settings)['dbname']}\n", f"/{name}\n")
    )
    return load_settings(path)


def sums(settings):
    with warehouse.connect(settings) as connection:
        return backup.checksums(connection)


def test_a_restored_warehouse_holds_the_same_in_every_table_and_goes_on_loading(loaded, empty, tmp_path):
    told = backup.back_up(loaded.settings, tmp_path / "copy")
    assert told["tables"]["raw.orders"][0] == 200
    assert told["tables"]["marts.figures"][0] == 1
    assert any(table.startswith("landing.") and rows == 201 for table, (rows, _) in told["tables"].items())
    before = sums(loaded.settings)
    backup.restore(empty, tmp_path / "copy")
    after = sums(empty)
    assert after == before == {table: list(value) for table, value in told["tables"].items()}
    with warehouse.connect(empty, BI) as connection:
        assert connection.execute("select orders, gross from marts.figures").fetchone()[0] == 200
    (empty.path.parent / "files" / "orders-2.csv").write_text(
        "id,customer,at,amount,currency,changed\no1,c1,2025-01-02,7,EUR,2025-03-01\n"
    )
    outcomes = loads.load_sources(empty, ["shop"])
    assert {outcome.status for outcome in outcomes} == {"published"}
    assert sum(outcome.rows_changed for outcome in outcomes) == 1


def test_an_embedded_warehouse_is_restored_from_a_servers_backup(loaded, tmp_path):
    backup.back_up(loaded.settings, tmp_path / "copy")
    text = loaded.settings.path.read_text()
    url = next(line for line in text.splitlines() if line.startswith("  url: "))
    state = tmp_path / "embedded"
    (tmp_path / "embedded.yml").write_text(text.replace(url, f"  folder: {state}"))
    embedded = load_settings(tmp_path / "embedded.yml")
    try:
        backup.restore(embedded, tmp_path / "copy")
        assert sums(embedded) == sums(loaded.settings)
    finally:
        server = warehouse.embedded_server(embedded)
        server.stop("immediate")
        shutil.rmtree(server.home)


def test_a_backup_is_for_its_owner_only_and_never_written_over(loaded, tmp_path):
    file = tmp_path / "copy"
    backup.back_up(loaded.settings, file)
    for path in (file, tmp_path / "copy.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = file.read_bytes()
    with pytest.raises(UserError, match="exists already"):
        backup.back_up(loaded.settings, file)
    assert file.read_bytes() == before
    assert not list(tmp_path.glob(".copy*"))


def test_what_somebody_has_loaded_is_never_restored_over(loaded, tmp_path):
    backup.back_up(loaded.settings, tmp_path / "copy")
    before = sums(loaded.settings)
    with pytest.raises(UserError, match="restored into an empty one only"):
        backup.restore(loaded.settings, tmp_path / "copy")
    assert sums(loaded.settings) == before


def test_a_backup_that_differs_from_its_document_leaves_the_warehouse_empty(loaded, empty, tmp_path):
    file, document = tmp_path / "copy", tmp_path / "copy.json"
    told = backup.back_up(loaded.settings, file)
    told["tables"]["raw.orders"][1] = "0"
    document.write_text(json.dumps(told))
    with pytest.raises(Refused, match=r"damaged: raw\.orders"):
        backup.restore(empty, file)
    with warehouse.connect(empty) as connection:
        assert connection.execute(
            "select to_regclass('raw.orders'), to_regclass('public.retain_migrations')"
        ).fetchone() == (None, None)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(OutOfReach, match="pg_restore ended with"):
        backup.restore(empty, file)
    warehouse.prepare(empty)
    with warehouse.connect(empty) as connection:
        assert connection.execute("select count(*) from raw.orders").fetchone() == (0,)


@pytest.mark.parametrize("last", ["checksums", "again.repeat"], ids=["unproved", "with those who were erased since"])
def test_a_restore_that_was_killed_is_used_by_nobody_and_begins_anew(loaded, empty, tmp_path, last):
    backup.back_up(loaded.settings, tmp_path / "copy")
    code = (
        "import os, signal, sys; from pathlib import Path; from retain import backup; from retain.config import load_settings; "
        f"backup.{last} = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        "backup.restore(load_settings(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    killed = subprocess.run([sys.executable, "-c", code, empty.path, tmp_path / "copy"], check=False)
    assert killed.returncode == -signal.SIGKILL
    with warehouse.connect(empty) as connection:
        assert connection.execute("select count(*) > 0 from ops.loads").fetchone() == (True,)
    with pytest.raises(UserError, match="did not get to its end"):
        warehouse.prepare(empty)
    backup.restore(empty, tmp_path / "copy")
    warehouse.prepare(empty)
    assert sums(empty) == sums(loaded.settings)
    with pytest.raises(UserError, match="restored into an empty one only"):
        backup.restore(empty, tmp_path / "copy")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"warehouse_version": 9999}, "of a newer Retain"), ({"tables": None}, None)],
    ids=["of a newer release", "not a document of ours"],
)
def test_a_document_that_does_not_fit_is_refused_before_anything_is_touched(loaded, empty, tmp_path, change, sentence):
    told = backup.back_up(loaded.settings, tmp_path / "copy") | change
    told = {key: value for key, value in told.items() if value is not None}
    (tmp_path / "copy.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match=sentence or "not what `retain backup` wrote"):
        backup.restore(empty, tmp_path / "copy")


def test_nothing_to_back_up_and_nowhere_to_write_are_said(empty, loaded, tmp_path):
    with pytest.raises(UserError, match="never prepared"):
        backup.back_up(empty, tmp_path / "copy")
    with pytest.raises(UserError, match="does not exist"):
        backup.back_up(loaded.settings, tmp_path / "nowhere" / "copy")
    with pytest.raises(UserError, match="no file"):
        backup.restore(empty, tmp_path / "nothing")


def test_no_password_stands_in_a_command_line_or_an_error(loaded, tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(backup.subprocess, "run", lambda command, **options: commands.append(command) or Ended())
    with pytest.raises(OutOfReach) as raised:
        backup.back_up(loaded.settings, tmp_path / "copy")
    password = warehouse.dsn(loaded.settings)["password"]
    assert password not in " ".join(map(str, commands[0])) + str(raised.value)
    assert not list(tmp_path.glob("*copy*"))


class Ended:
    returncode, stderr = 1, "pg_dump: error: no space left on device"


def test_the_checksum_does_not_see_the_order_of_rows_but_every_change(loaded):
    before = sums(loaded.settings)["raw.orders"]
    with psycopg.connect(**warehouse.dsn(loaded.settings)) as connection:
        connection.execute("create table kept as table raw.orders")
        connection.execute("truncate raw.orders")
        connection.execute("insert into raw.orders select * from kept order by order_id desc")
        assert backup.checksums(connection)["raw.orders"] == before
        connection.execute("update raw.orders set gross_amount = gross_amount + 0.0001 where order_id = 'o7'")
        assert backup.checksums(connection)["raw.orders"] != before
