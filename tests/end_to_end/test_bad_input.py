"""What a source or the machine can do wrong, met on the command line: a sentence, an exit code, and nothing half done."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from command_line import typed

from retain.embedded import EmbeddedServer

HEADER = "id,customer,at,amount"
GOOD = f"{HEADER}\n" + "".join(f"o{n},c1,2025-03-{n:02} 12:00,{n}.50\n" for n in range(1, 21))
FILES = """\
  - name: till
    type: files
    folder: files
    entities:
      orders:
        files: "orders*.csv"
        fields: {order_id: id, ordered_at: at, gross_amount: amount}
        defaults: {status: paid, currency: EUR}
"""
SHOP = """\
  - name: shop
    type: sql
    url: %s
    entities:
      orders:
        table: orders
        fields: {order_id: id, ordered_at: at, gross_amount: amount}
        defaults: {status: paid, currency: EUR}
"""


def load(config: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    done = typed("load", "--config", str(config), COLUMNS="400", **environment)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def orders(database) -> int:
    with psycopg.connect(**database) as connection:
        return connection.execute("select count(*) from raw.orders").fetchone()[0]


@pytest.fixture
def till(write_config, tmp_path) -> Path:
    (tmp_path / "files").mkdir()
    return write_config(FILES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, ("files matches orders*.csv",), id="a missing file"),
        pytest.param(b"", ("orders-1.csv", "is empty"), id="an empty file"),
        pytest.param(GOOD.replace(",", ";").encode(), ("orders-1.csv", 'delimiter: ";"'), id="a wrong delimiter"),
        pytest.param(
            GOOD.replace("o7,", "Zoë,").encode("latin-1"), ("orders-1.csv", "line 8", "UTF-8"), id="a bad encoding"
        ),
        pytest.param(GOOD.replace(",amount", "").encode(), ("gross_amount", "amount"), id="a column gone"),
        pytest.param(
            GOOD.replace("amount", "total").encode(),
            ("amount", "it has: id, customer, at, total"),
            id="a column renamed",
        ),
    ],
)
def test_a_file_that_cannot_be_right_loads_nothing_until_it_is(till, tmp_path, database, content, words):
    file = tmp_path / "files" / "orders-1.csv"
    if content is not None:
        file.write_bytes(content)
    done = load(till)
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    for word in words:
        assert word.lower() in said.lower()
    assert orders(database) == 0

    file.write_text(GOOD)
    assert load(till).returncode == 0
    assert orders(database) == 20


def test_a_header_without_rows_is_a_day_without_sales_and_is_said(till, tmp_path, database):
    (tmp_path / "files" / "orders-1.csv").write_text(f"{HEADER}\n")
    done = load(till)
    assert done.returncode == 0
    assert "orders-1.csv" in done.stdout
    assert "has no records" in done.stdout


@pytest.mark.parametrize(
    ("address", "words"),
    [
        pytest.param(
            "postgresql://retain:x@127.0.0.1:1/shop", "nothing answers at 127.0.0.1:1", id="a source that is down"
        ),
        pytest.param("postgresql://{user}:wr0ng-secret@{host}:{port}/{dbname}", "password", id="a wrong password"),
    ],
)
def test_a_source_that_does_not_let_us_in_is_told_without_its_password(write_config, database, address, words):
    done = load(write_config(SHOP % "${SHOP_URL}"), SHOP_URL=address.format(**database))
    said = done.stdout + done.stderr
    assert done.returncode == 3, said
    assert "shop" in said
    assert words in said
    assert "wr0ng-secret" not in said


def test_a_source_that_cannot_be_opened_keeps_no_other_from_being_looked_at(write_config, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "orders-1.csv").write_text(GOOD)
    config = write_config(f"{SHOP % 'sqlite:////nowhere/shop.db'}{FILES}")
    done = typed("sources", "check", "--config", str(config))
    assert done.returncode == 2
    assert "there is no file /nowhere/shop.db" in done.stdout
    assert "source till  offers orders" in done.stdout


def test_a_warehouse_of_a_newer_release_is_left_alone(till, tmp_path, database):
    (tmp_path / "files" / "orders-1.csv").write_text(GOOD)
    assert load(till).returncode == 0
    with psycopg.connect(**database) as connection:
        connection.execute("insert into public.retain_migrations (version) values (9000)")
    (tmp_path / "files" / "orders-2.csv").write_text(f"{HEADER}\no99,c1,2025-04-01 12:00,1.00\n")
    done = load(till)
    assert done.returncode == 2
    assert "newer" in done.stderr
    assert orders(database) == 20


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 120 MB, in memory; only a machine's owner can have one."""
    folder = Path(tempfile.mkdtemp(prefix="retain-tests-"))
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=120m,mode=755", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode != 0:
        folder.rmdir()
        pytest.skip(f"no disk can be mounted here: {mount.stderr.strip()}")
    yield folder
    server = EmbeddedServer(folder / "state")
    server.stop("immediate")
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_full_disk_is_a_sentence_and_room_is_all_it_takes(small_disk):
    (small_disk / "files").mkdir()
    config = small_disk / "retain.yml"
    config.write_text(
        f"business: {{timezone: UTC, reporting_currency: EUR}}\nwarehouse: {{folder: state}}\nsources:\n{FILES}"
    )
    (small_disk / "files" / "orders-1.csv").write_text(GOOD)
    assert load(config).returncode == 0

    (small_disk / "files" / "orders-2.csv").write_text(
        f"{HEADER}\n" + "".join(f"p{n},c1,2025-03-01 12:00,{n}.50\n" for n in range(200_000))
    )
    fat = small_disk / "fat"
    free = os.statvfs(small_disk)
    fat.write_bytes(b"\0" * (free.f_bavail * free.f_frsize - 6_000_000))
    done = load(config)
    said = done.stdout + done.stderr
    assert done.returncode in (1, 3), said
    assert "disk is full" in said.lower(), said
    assert orders(EmbeddedServer(small_disk / "state").dsn("retain")) == 20
