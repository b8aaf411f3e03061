"""A backup that is older than an erasure brings nobody back: the register beside the warehouse says who was erased since."""

import json
import os
import pty
import stat
import subprocess
import sys
from dataclasses import replace

import psycopg
import pytest
from person_shop import ANNA

from retain import backup, warehouse
from retain.config import load_settings
from retain.doctor import of_the_erasures
from retain.errors import Refused
from retain.person import again, erasure, proof, register, searching

LATE = ("w3000", "late.comer@example.com", "+374 94 300300", "Late Comer", "Street 9, Gyumri", "shirak", "silver",
        "true", "2024-06-01T08:00:00Z", "2025-05-02T00:00:00Z", "", "")  # fmt: skip
HEADER = "id,mail,phone,name,address,region,tier,news,since,changed,part_of,parts"


def found(shop, texts=ANNA):
    with erasure.looking(shop.settings) as connection:
        return searching.in_tables(connection, texts), searching.files_naming(
            shop.settings, searching.Names(tuple(texts))
        )


def figures_of(shop):
    with warehouse.connect(shop.settings) as connection:
        return erasure.checksum_of_marts(connection)


def typed(shop, answer):
    """`retain person erase` at a terminal at which somebody types `answer`: exit code and what was said."""
    terminal, its_end = pty.openpty()
    command = [*(sys.executable, "-m", "retain", "person", "erase", "Anna.Petrosyan@example.com"),
               *("--reason", "as asked in writing", "-c", str(shop.settings.path))]  # fmt: skip
    os.write(terminal, f"{answer}\n".encode())
    try:
        done = subprocess.run(command, stdin=its_end, capture_output=True, text=True, env=dict(os.environ), check=False)
    finally:
        os.close(terminal)
        os.close(its_end)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def copy(shop, tmp_path_factory):
    """A backup of the shop, Anna in it, and the checksums of its marts."""
    file = tmp_path_factory.mktemp("backup") / "copy"
    backup.back_up(shop.settings, file)
    return file, figures_of(shop)


@pytest.fixture(scope="module")
def erased(shop, copy):
    """Anna is erased, and somebody who came after the backup was made."""
    code, said = typed(shop, "erase")
    assert code == 0, said
    shop.write("web", "customers.csv", HEADER, [LATE])
    shop.load()
    shop.build()
    erasure.erase(shop.settings, "web:w3000", "a second request", "officer")
    return said


@pytest.fixture
def restored(shop, server, copy, erased, request):
    """The shop's backup in a database of its own, with the same state folder, or as the test asks with another."""
    name = f"again_{os.getpid()}_{abs(hash(request.node.name))}"
    server.create_database(name)
    path = shop.folder / f"{name}.yml"
    path.write_text(shop.settings.path.read_text().replace(warehouse.dsn(shop.settings)["dbname"] + "\n", name + "\n"))
    return replace(shop, settings=load_settings(path))


def test_only_the_word_erase_erases(shop, copy):
    before = found(shop)
    code, said = typed(shop, "yes")
    assert code == 2
    assert "This person has 4 accounts and was 2 guests." in said
    assert "Not confirmed: nothing was changed." in said
    assert found(shop) == before
    assert not register.path_of(shop.settings).exists()


def test_the_word_erase_does(shop, erased):
    assert "Erasure 1:" in erased
    assert found(shop) == ({}, [])


def test_the_register_is_its_owners_alone_and_says_nothing_of_anybody(shop, erased):
    path = register.path_of(shop.settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [entry["reason"] for entry in entries] == ["as asked in writing", "a second request"]
    assert proof.prove(shop.settings, "late.comer@example.com").is_clean


def test_a_restore_erases_again_whom_the_backup_still_holds(shop, copy, restored):
    file, figures = copy
    told = backup.restore(restored.settings, file)
    assert (told["erasures_repeated"], told["customers_erased_again"]) == (2, 1)
    assert found(restored) == ({}, [])
    assert figures_of(restored) == figures
    assert restored.ask("select reason from ops.erasures order by erased_at") == [
        ("as asked in writing",), ("a second request",), ("as asked in writing (again, after a restore)",)]  # fmt: skip
    assert restored.ask("select distinct customer_key from ops.erased_identities order by 1") == shop.ask(
        "select distinct customer_key from ops.erased_identities order by 1"
    )
    assert proof.prove(restored.settings, "Anna.Petrosyan@example.com").is_clean
    restored.customers()  # the sources still have her, and send also who came after the backup
    customers = (restored.folder / "web" / "customers.csv").read_text()
    (restored.folder / "web" / "customers.csv").write_text(customers + ",".join(f'"{value}"' for value in LATE) + "\n")
    restored.load(full=True)
    assert found(restored) == ({}, [])
    assert found(restored, [LATE[1], LATE[3]]) == ({}, [])
    assert restored.differences() == []
    assert again.repeat(restored.settings) == (0, 0)


def test_a_copy_that_was_brought_in_by_hand_is_told_by_the_doctor(copy, restored):
    kept = register.path_of(restored.settings).rename(restored.folder / "kept.jsonl")
    told = backup.restore(restored.settings, copy[0])
    assert told["erasures_repeated"] == 0
    assert found(restored)[0], "without the register nobody knows who was erased"
    kept.rename(register.path_of(restored.settings))
    with psycopg.connect(**warehouse.dsn(restored.settings), autocommit=True) as connection:
        (finding,) = of_the_erasures(connection, restored.settings)
    assert finding.state == "wrong"
    assert "2 in " in finding.sentence
    assert "retain person repeat" in finding.to_do
    assert again.repeat(restored.settings) == (2, 1)
    assert found(restored) == ({}, [])


@pytest.mark.parametrize(
    ("older", "said"),
    [
        (  # a build that took them for one person
            "update intermediate.int_customer_identities set customer_key = (select customer_key from "
            "intermediate.int_customer_identities where source_id = 'web:w1001') where source_id = 'web:w5'",
            "1 customers are people who were erased together with accounts that were not",
        ),
        ("drop table intermediate.int_identity_components cascade", "Nothing was built in this backup"),
    ],
)
def test_where_only_a_person_can_say_who_it_was_nothing_is_changed(copy, restored, older, said):
    kept = register.path_of(restored.settings).rename(restored.folder / "kept.jsonl")
    backup.restore(restored.settings, copy[0])
    kept.rename(register.path_of(restored.settings))
    with warehouse.connect(restored.settings) as connection:
        connection.execute(older.encode())
    before = found(restored)
    with pytest.raises(Refused, match=said):
        again.repeat(restored.settings)
    assert found(restored) == before
    assert restored.ask("select count(*) from ops.erasures") == [(0,)]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("erasures.jsonl", lambda text: text.replace('"erased_at"', '"at"'), "is damaged"),
        ("secrets.json", lambda text: json.dumps({**json.loads(text), "erasure_key": "another"}), "The key of the erasures"),
    ],
)  # fmt: skip
def test_what_cannot_be_repeated_leaves_the_warehouse_empty(copy, restored, name, change, said):
    path = restored.settings.state_folder / name
    kept = path.read_text()
    path.write_text(change(kept))
    try:
        with pytest.raises(Refused, match=said):
            backup.restore(restored.settings, copy[0])
    finally:
        path.write_text(kept)
    assert restored.ask("select to_regclass('raw.customers'), to_regclass('public.retain_migrations')") == [
        (None, None)
    ]
    told = backup.restore(restored.settings, copy[0])
    assert told["customers_erased_again"] == 1
