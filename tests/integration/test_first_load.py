"""A large first load goes into raw, and values are cast, by a shorter way: what comes out is the same as by the long one."""

import time

import psycopg
import pytest
from psycopg import sql

from retain import casting, gate_rows, publish
from retain.beside import MANY_ROWS, beside
from retain.gate import judge
from retain.gate_rows import Selection, write_gate_table
from retain.landing import gate_table, land_changes
from retain.mapping import mapping_of
from retain.publish import publish_load
from retain.roles import LOADER
from retain.warehouse import connect

HEADER = "id,customer,at,amount,currency,changed\n"
GOOD = [f"o{n},c{n % 7},2025-01-{1 + n % 28:02} 10:00,{n}.50,EUR,2025-02-01 0{n % 10}:00" for n in range(40)]
BAD = ["b1,c1,2025-01-01 10:00,ten,EUR,", "b2,c1,yesterday,1,EUR,"]
COPIES = ["o1,c1,2025-01-02 10:00,99,EUR,2025-03-01 00:00", "o1,c1,2025-01-02 10:00,77,EUR,2025-01-01 00:00"]
# None of these raises when it is cast without asking, though some are no value that anybody means.
ODD = [
    "x1,c1,2025-01-01 10:00,  12.50 ,EUR,", "x2,c1, 2025-01-01T10:00:00Z ,+3,EUR,", "x3,c1,20250101,.5,EUR,",
    "x4,c1,21.11.25,1e3,EUR,", "x5,c1,now,NaN,EUR,", "x6,c1,infinity,1_000,EUR,", "x7,c1,,,EUR,", "x8,c1,1700000000,-4,EUR,",
    "x9,c1,o'clock,0x1F,EUR,",
]  # fmt: skip
RAISING = [
    "y1,c1,2025-02-30 10:00,1,EUR,",
    "y2,c1,2025-01-01 10:00,1.2.3,EUR,",
    "y3,c1,2025-01-01,999999999999999,EUR,",
]


@pytest.fixture
def loaded(shop, monkeypatch):
    """Load these lines as the shop's first orders, every load being large; returns what raw holds and what was quarantined."""
    monkeypatch.setattr("retain.reconciliation.MANY_ROWS", 1)
    monkeypatch.setattr("retain.beside.MANY_ROWS", 1)

    def loaded(lines):
        shop.write(
            "customers-1.csv", "id,email,phone,changed\n" + "".join(f"c{n},,+374 91 00000{n},\n" for n in range(7))
        )
        shop.load(entities=["customers"])
        shop.write("orders-1.csv", HEADER + "\n".join(lines) + "\n")
        load_id = land_changes(shop.settings, "shop", "orders").load_id
        judge(shop.settings, load_id)
        publish_load(shop.settings, load_id)
        assert shop.does_not_add_up() == []
        return shop.ask("select (o.*)::text from raw.orders as o order by 1"), set(shop.open_entries())

    return loaded


@pytest.fixture
def ways(monkeypatch):
    """Which way raw was written: 'filled' or 'merged', in turn."""
    taken = []
    fill, merge = publish.fill, publish.merge

    def filled(*arguments):
        rows = fill(*arguments)
        taken.extend([] if rows is None else ["filled"])
        return rows

    monkeypatch.setattr(publish, "fill", filled)
    monkeypatch.setattr(publish, "merge", lambda *arguments: (taken.append("merged"), merge(*arguments))[1])
    return taken


@pytest.mark.parametrize(("lines", "way"), [(GOOD + BAD, "filled"), (GOOD + COPIES, "merged")])
def test_an_empty_table_is_filled_with_what_would_be_merged_unless_a_record_comes_twice(
    loaded, ways, shop, monkeypatch, lines, way
):
    first = loaded(lines)
    assert ways == ["merged", way] or ways == ["filled", way]
    assert len(first[0]) == 40
    assert len(shop.ask("select e164 from raw.phone_numbers where e164 is not null")) == 7
    load_id = shop.ask("select max(load_id) from ops.loads")[0][0]
    shop.do("truncate raw.orders, ops.quarantine cascade")
    for table in ("ops.reconciliation", "ops.cursors"):
        shop.do(f"delete from {table} where entity = 'orders'")
    monkeypatch.setattr(publish, "fill", lambda *_: None)
    again = loaded(lines)
    assert ways[-1] == "merged"
    assert [row[0].replace(f",{load_id + 2})", f",{load_id})") for row in again[0]] == [row[0] for row in first[0]]
    assert again[1] == first[1]


def test_a_table_that_holds_something_is_never_emptied(loaded, ways, shop):
    loaded(GOOD)
    shop.write("orders-2.csv", HEADER + "p1,c1,2025-01-01 10:00,1,EUR,\n")
    shop.load(entities=["orders"])
    assert ways[-1] == "merged"
    assert len(shop.orders()) == 41


def test_a_table_that_somebody_reads_is_merged_into_without_waiting(loaded, ways, shop):
    with connect(shop.settings) as reader:
        reader.execute("select count(*) from raw.orders")
        rows, _ = loaded(GOOD)
    assert ways[-1] == "merged"
    assert len(rows) == 40


TEXTS = [
    "plain",
    " before",
    "after ",
    " both ",
    "in side",
    "",
    " ",
    "   ",
    "\ttab",
    "tab\t",
    "!",
    "\u00a0hard",
    "ends\u00a0",
    "É ",
    "'",
]


def test_texts_are_trimmed_and_what_is_empty_then_is_null_as_postgresql_itself_does_it(shop):
    query = sql.SQL("select x from unnest({}::text[]) as x where {} is distinct from nullif(btrim(x), '')").format(
        sql.Literal([*TEXTS, None]), sql.SQL(casting.TRIMMED).format(sql.Identifier("x"))
    )
    with connect(shop.settings) as connection:
        wrong = connection.execute(query).fetchall()
    assert wrong == []


@pytest.mark.parametrize(("lines", "trusts"), [(GOOD + ODD, True), (GOOD + ODD + RAISING, False)])
def test_values_that_are_cast_without_asking_first_are_the_same_as_when_asked(shop, monkeypatch, lines, trusts):
    shop.write("orders-1.csv", HEADER + "\n".join(lines) + "\n")
    load_id = land_changes(shop.settings, "shop", "orders").load_id
    made, ways = gate_rows._made, []

    def gate(may_trust):
        def either(*arguments, trusting):
            if trusting and not may_trust:
                return None
            rows = made(*arguments, trusting=trusting)
            ways.extend([] if rows is None else [trusting])
            return rows

        monkeypatch.setattr(gate_rows, "_made", either)
        with connect(shop.settings) as connection:
            write_gate_table(
                connection, shop.settings, mapping_of(shop.settings, "shop", "orders"), load_id, [Selection(load_id)]
            )
            table = gate_table(load_id).as_string(connection)
            return connection.execute(f"select (g.*)::text from {table} as g order by row_number").fetchall()

    assert gate(may_trust=True) == gate(may_trust=False)
    assert ways == [trusts, False]


@pytest.mark.parametrize("lines", [GOOD + ODD, GOOD + RAISING[:1], GOOD + RAISING[1:] * 2])
def test_two_sessions_write_the_gate_that_one_writes(shop, lines):
    shop.write("orders-1.csv", HEADER + "\n".join(lines) + "\n")
    load_id = land_changes(shop.settings, "shop", "orders").load_id
    mapping = mapping_of(shop.settings, "shop", "orders")

    def gate(rows):
        with connect(shop.settings, LOADER) as connection, beside(shop.settings, rows) as other:
            written = write_gate_table(connection, shop.settings, mapping, load_id, [Selection(load_id)], other)
            connection.commit()
            table = gate_table(load_id).as_string(connection)
            return written, connection.execute(f"select (g.*)::text from {table} as g order by row_number").fetchall()

    by_one = gate(MANY_ROWS - 1)
    assert by_one == gate(MANY_ROWS)
    assert by_one[0] == len(lines)


def test_what_the_other_session_is_doing_ends_with_an_error_of_the_first(shop):
    works = []

    def fail_meanwhile():
        with beside(shop.settings, MANY_ROWS) as other:
            works.append(other.run(lambda by: by.execute("select pg_sleep(60)")))
            while not shop.ask("select 1 from pg_stat_activity where query like '%pg_sleep(60)' and state = 'active'"):
                time.sleep(0.05)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_meanwhile()
    with pytest.raises(psycopg.errors.QueryCanceled):
        works[0].result()
