from datetime import UTC, datetime, timedelta

import pytest
from command_line import typed

from retain.errors import UserError
from retain.sources import Window

FIELDS = "        fields: {order_id: id, ordered_at: created_at, gross_amount: total}\n"
TABLE = "create table orders (id integer primary key, created_at text, total numeric, updated_at text)"


@pytest.fixture
def shop(sqlite_shop):
    return sqlite_shop


def order(number, updated_at, total="10.5"):
    stamp = f"'{updated_at}'" if updated_at else "null"
    return f"insert into orders values ({number}, '2025-03-01 10:00:00', {total}, {stamp})"


def test_rows_land_with_the_sources_own_count_and_sums(shop):
    shop.run(TABLE, order(1, "2025-03-10 15:00:00", "0.1"), order(2, "2025-03-10 15:30:00", "0.2"))
    landed = shop.load()
    assert landed.values("order_id") == ["1", "2"]
    assert landed.values("gross_amount") == ["0.1", "0.2"]
    assert landed.totals == {"rows": 2, "sums": {"gross_amount": "0.3"}}


def test_amounts_that_are_not_all_numbers_are_not_added_up(shop):
    shop.run(TABLE, order(1, "2025-03-10 15:00:00"), order(2, "2025-03-10 15:30:00", "'12,50'"))
    landed = shop.load()
    assert landed.values("gross_amount") == ["10.5", "12,50"]
    assert landed.totals == {"rows": 2, "sums": {}}


def test_the_second_load_reads_the_overlap_what_is_new_and_what_has_no_time(shop):
    shop.run(
        TABLE,
        order(1, "2025-03-09 08:00:00"),
        order(2, "2025-03-10 15:30:00"),
        order(3, None),
        order(4, "2999-01-01 00:00:00"),
    )
    first = shop.load()  # noon in UTC is 16:00 in Yerevan
    assert len(first.rows) == 4
    shop.run(order(5, "2025-03-10 16:30:00"))
    second = shop.load(state=first.state, now=shop.now + timedelta(hours=1))
    assert second.values("order_id") == ["2", "3", "4", "5"]


@pytest.mark.parametrize(("earlier", "later"), [("T", " "), (" ", "T")])
def test_a_change_is_found_however_its_time_is_spelled(shop, earlier, later):
    shop.run(TABLE, order(1, f"2025-03-10{earlier}15:30:00"))
    state = shop.load().state
    for hour in range(1, 8):  # noon in UTC is 16:00 in Yerevan
        shop.run(order(1 + hour, f"2025-03-10{later}{15 + hour:02}:45:00"))
        landed = shop.load(state=state, now=shop.now + timedelta(hours=hour))
        assert str(1 + hour) in landed.values("order_id")
        state = landed.state


def test_a_growing_number_is_a_cursor_too(shop):
    entity = f"        table: orders\n        cursor: id\n{FIELDS}"
    shop.run(TABLE, order(1, None), order(2, None))
    first = shop.load(entity)
    shop.run(order(3, None))
    assert shop.load(entity, state=first.state, now=shop.now + timedelta(hours=2)).values("order_id") == ["2", "3"]


def test_a_window_is_read_again_without_moving_the_cursor(shop):
    shop.run(TABLE, order(1, "2025-01-01 00:00:00"), order(2, "2025-02-01 00:00:00"))
    first = shop.load()
    window = Window(datetime(2025, 1, 15, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC))
    again = shop.load(state=first.state, window=window)
    assert again.values("order_id") == ["2"]
    assert again.state == first.state


def test_colons_percents_and_quotes_of_expressions_reach_the_database(shop):
    shop.run(TABLE, order(1, "2025-03-10 15:00:00"))
    entity = """\
        table: orders
        cursor: updated_at
        where: "created_at like '%:00:%' and 'a:id' <> ':retain_0'"
        fields:
          order_id: id
          ordered_at: strftime('%Y-%m-%d %H:%M', created_at) || ':00'
          gross_amount: total
          region: "'time:zone \\\\:x'"
"""
    landed = shop.load(entity)
    assert landed.values("ordered_at") == ["2025-03-01 10:00:00"]
    assert landed.values("region") == ["time:zone \\:x"]


def test_values_of_every_kind_land_as_their_text(shop):
    shop.run(
        "create table orders (id, created_at, total, updated_at)",
        "insert into orders values (x'00ff', 1.5, 12345678901234567, '2025-03-10 15:00:00'), ('', null, 1e300, '2025-03-10 15:00:00')",
    )
    landed = shop.load()
    assert landed.values("order_id") == ["\\x00ff", ""]
    assert landed.values("ordered_at") == ["1.5", None]
    assert landed.values("gross_amount") == ["12345678901234567", "1e+300"]


def test_keys_are_the_texts_that_land(shop):
    shop.run(TABLE, order(1, None), order(2, None))
    assert list(shop.reader().keys("orders")) == [("1",), ("2",)]


def test_the_columns_on_offer_are_those_of_the_table(shop):
    shop.run(TABLE)
    assert [column.name for column in shop.reader().columns("orders")] == ["id", "created_at", "total", "updated_at"]


def test_an_empty_table_is_no_error(shop):
    shop.run(TABLE)
    landed = shop.load()
    assert landed.rows == []
    assert landed.totals["rows"] == 0
    assert shop.load(state=landed.state).rows == []


def test_wrong_columns_are_told_with_the_columns_there_are(shop):
    shop.run(TABLE)
    entity = "        table: orders\n        fields: {order_id: id, ordered_at: created_at, gross_amount: totl}\n"
    with pytest.raises(UserError) as refused:
        shop.load(entity)
    assert "orders.fields.gross_amount: totl — no such column: totl; did you mean total?" in str(refused.value)
    assert "The columns of orders are: id, created_at, total, updated_at." in str(refused.value)


def test_a_missing_table_is_told(shop):
    shop.run(TABLE.replace("orders", "sales"))
    with pytest.raises(UserError, match=r"no such table: orders.* The database has: sales\."):
        shop.load()


def test_a_cursor_that_is_none_is_told(shop):
    shop.run(TABLE, order(1, "last week"))
    with pytest.raises(UserError, match="updated_at is no cursor: it is str such as 'last week'"):
        shop.load()


def test_a_missing_file_is_told_and_not_made(shop):
    with pytest.raises(UserError, match=r"there is no file .*shop\.db"):
        shop.reader()
    assert not (shop.root / "shop.db").exists()


def test_a_file_that_is_no_database_is_told(shop):
    (shop.root / "shop.db").write_text("id,total\n" * 100)
    with pytest.raises(UserError, match="is not a SQLite database"):
        shop.load()


def test_the_file_is_never_written(shop):
    shop.run(TABLE, order(1, "2025-03-10 15:00:00"))
    before = (shop.root / "shop.db").read_bytes()
    entity = f"        query: select * from orders returning id\n{FIELDS}"
    with pytest.raises(UserError):
        shop.load(entity)
    shop.load()
    assert (shop.root / "shop.db").read_bytes() == before


def test_an_unknown_kind_of_database_is_told(shop):
    with pytest.raises(UserError, match="SQLAlchemy has no dialect notadb"):
        shop.reader(url="notadb://u:secret@h/d").columns("orders")


def test_a_driver_that_is_not_installed_is_told_without_the_password(shop):
    with pytest.raises(UserError, match="the driver for mysql") as refused:
        shop.reader(url="mysql+mysqlconnector://u:secret@h/d").columns("orders")
    assert "secret" not in str(refused.value)


def test_a_preview_lets_go_of_a_view_before_the_database_is_closed(shop):
    many = (
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 30000) "
        "insert into orders select i, '2025-03-01 10:00:00', 10.5, '2025-03-10 15:00:00' from n"
    )
    shop.run(
        TABLE,
        many,
        "create view grouped as select id, max(created_at) as created_at, sum(total) as total from orders group by id",
    )
    shop.reader(f"        table: grouped\n{FIELDS}")
    said = typed("sources", "preview", "shop", "orders", "--config", str(shop.root / "retain.yml"))
    assert said.returncode == 0
    assert "10.5" in said.stdout
    assert said.stderr == ""


@pytest.mark.parametrize(
    "shape",
    [
        "        table: orders\n        fields: {order_id: id, ordered_at: no_such, gross_amount: total}\n",
        f"        table: orders\n        where: no_such = 1\n{FIELDS}",
        f"        table: orders\n        cursor: no_such\n{FIELDS}",
    ],
)
def test_a_check_finds_what_a_load_could_not_read(shop, shape):
    shop.run(TABLE)
    with pytest.raises(UserError, match="no such column: no_such"):
        shop.reader(shape).check("orders")


def test_a_check_of_what_a_load_can_read_finds_nothing(shop):
    shop.run(TABLE)
    assert shop.reader().check("orders") == []
