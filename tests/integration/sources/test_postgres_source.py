import tracemalloc
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psycopg
import pytest

from retain.errors import OutOfReach, UserError
from retain.sources import BEGINNING, Window

TABLE = "create table orders (id int primary key, created_at timestamptz, total numeric(12,2), updated_at timestamptz)"


def order(number, updated_at, total="10.00"):
    stamp = f"'{updated_at}'" if updated_at else "null"
    return f"insert into orders values ({number}, '2025-03-01 10:00+04', {total}, {stamp})"


def fields(**expressions):
    """An entity that reads all of table `shapes`, with these expressions beside the required ones."""
    needed = {"order_id": "'1'", "ordered_at": "now()", "gross_amount": "1", **expressions}
    lines = "".join(f"          {name}: {expression!r}\n" for name, expression in needed.items())
    return f"        table: shapes\n        fields:\n{lines}"


def test_rows_land_with_the_sources_own_count_and_sums(shop, run):
    run(TABLE, order(1, "2025-03-10 11:00+00", "12.30"), order(2, "2025-03-10 11:30+00", "-0.05"))
    landed = shop.load()
    assert sorted(landed.values("order_id")) == ["1", "2"]
    assert landed.rows[0] == {
        "order_id": "1",
        "ordered_at": "2025-03-01 06:00:00+00",
        "gross_amount": "12.30",
        "changed_at": "2025-03-10 11:00:00+00",
    }
    assert landed.totals == {"rows": 2, "sums": {"gross_amount": "12.25"}}
    assert landed.rows_sent == 2


def test_the_second_load_reads_the_overlap_and_what_is_new(shop, run):
    run(TABLE, order(1, "2025-03-10 08:00+00"), order(2, "2025-03-10 11:30+00"))
    first = shop.load()
    run(
        order(3, "2025-03-10 12:30+00"), "update orders set total = 11, updated_at = '2025-03-10 12:40+00' where id = 1"
    )
    second = shop.load(state=first.state, now=shop.now + timedelta(hours=1))
    assert sorted(second.values("order_id")) == ["1", "2", "3"]
    third = shop.load(state=second.state, now=shop.now + timedelta(hours=2))
    assert sorted(third.values("order_id")) == ["1", "3"]


def test_a_row_committed_late_with_an_older_time_is_still_read(shop, run, database):
    run(TABLE, order(1, "2025-03-10 11:50+00"))
    with psycopg.connect(**database) as slow:
        slow.execute(order(2, "2025-03-10 11:20+00"))  # stamped before the load, and committed after it
        first = shop.load()
        assert first.values("order_id") == ["1"]
        slow.commit()
    second = shop.load(state=first.state, now=shop.now + timedelta(minutes=5))
    assert sorted(second.values("order_id")) == ["1", "2"]


def test_a_row_from_the_future_parks_nothing_and_is_not_lost(shop, run):
    run(TABLE, order(1, "2025-03-10 11:00+00"), order(2, "2999-01-01"), order(3, "infinity"))
    first = shop.load()
    assert sorted(first.values("order_id")) == ["1", "2", "3"]
    run(order(4, "2025-03-10 12:30+00"))
    second = shop.load(state=first.state, now=shop.now + timedelta(hours=2))
    assert sorted(second.values("order_id")) == ["1", "2", "3", "4"]


def test_a_row_without_a_cursor_is_read_every_time(shop, run):
    run(TABLE, order(1, None), order(2, "2025-03-10 08:00+00"), order(3, "2025-03-10 11:00+00"))
    first = shop.load()
    assert first.totals["rows"] == 3
    assert sorted(shop.load(state=first.state).values("order_id")) == ["1", "3"]


def test_rows_that_have_not_settled_wait_for_the_next_load(shop, run):
    run(TABLE, order(1, "2025-03-10 11:40+00"), order(2, "2025-03-10 11:55+00"))
    first = shop.load(extra="    settle_minutes: 10\n")
    assert first.values("order_id") == ["1"]
    second = shop.load(state=first.state, now=shop.now + timedelta(minutes=20), extra="    settle_minutes: 10\n")
    assert sorted(second.values("order_id")) == ["1", "2"]


def test_times_without_a_zone_are_meant_in_the_zone_of_the_source(shop, run):
    run(
        "create table orders (id int, created_at timestamp, total numeric, updated_at timestamp)",
        "insert into orders values (1, '2025-03-10 15:59', 1, '2025-03-10 15:59'), (2, '2025-03-10 16:01', 1, '2025-03-10 16:01')",
    )
    yerevan = shop.load()  # noon in UTC is 16:00 there
    assert yerevan.values("order_id") == ["1"]
    assert yerevan.values("ordered_at") == ["2025-03-10 15:59:00"]
    assert sorted(shop.load(extra="    timezone: Asia/Tbilisi\n").values("order_id")) == ["1"]
    assert sorted(shop.load(extra="    timezone: Asia/Tashkent\n").values("order_id")) == ["1", "2"]


def test_a_cursor_of_days_reads_today_now_and_again(shop, run):
    run(
        "create table orders (id int, created_at timestamptz, total numeric, updated_at date)",
        "insert into orders select n, now(), 1, date '2025-03-01' + n from generate_series(1, 9) n",
    )
    first = shop.load()
    assert first.totals["rows"] == 9
    assert sorted(shop.load(state=first.state).values("order_id")) == ["8", "9"]


def test_a_growing_number_is_a_cursor_too(shop, run, database):
    entity = "        table: orders\n        cursor: id\n        fields: {order_id: id, ordered_at: created_at, gross_amount: total}\n"
    run(TABLE, *[order(n, "2025-03-10") for n in (1, 2, 4)])
    with psycopg.connect(**database) as slow:
        slow.execute(order(3, "2025-03-10"))
        first = shop.load(entity)
        slow.commit()
    run(order(5, "2025-03-10"))
    second = shop.load(entity, state=first.state, now=shop.now + timedelta(minutes=10))
    assert {"3", "5"} <= set(second.values("order_id"))
    third = shop.load(entity, state=second.state, now=shop.now + timedelta(hours=3))
    assert third.values("order_id") == ["5"]


def test_a_cursor_may_be_an_expression(shop, run):
    entity = (
        '        table: orders\n        cursor: "greatest(updated_at, created_at)"\n'
        "        fields: {order_id: id, ordered_at: created_at, gross_amount: total}\n"
    )
    run(TABLE, order(1, None), order(2, "2025-03-10 11:00+00"))
    first = shop.load(entity)
    assert shop.load(entity, state=first.state).values("order_id") == ["2"]


def test_texts_that_are_times_are_a_cursor_too(shop, run):
    run(
        "create table orders (id int, created_at text, total text, updated_at text)",
        "insert into orders values (1, 'x', '1', '2025-03-09T08:00:00Z'), (2, 'x', '1', '2025-03-10T11:30:00Z')",
    )
    first = shop.load()
    assert first.totals == {"rows": 2, "sums": {}}
    assert shop.load(state=first.state).values("order_id") == ["2"]


def test_without_a_cursor_everything_is_read_each_time(shop, run):
    entity = "        table: orders\n        fields: {order_id: id, ordered_at: created_at, gross_amount: total}\n"
    run(TABLE, order(1, None), order(2, "2025-03-10"))
    first = shop.load(entity)
    assert shop.load(entity, state=first.state).totals["rows"] == 2


def test_a_full_load_reads_everything_and_leaves_the_cursor_where_it_was(shop, run):
    run(TABLE, order(1, "2025-01-01"), order(2, "2025-03-10 11:00+00"))
    first = shop.load()
    full = shop.load(state=first.state, full=True)
    assert full.totals["rows"] == 2
    assert full.state == first.state


def test_a_window_is_read_again_without_moving_the_cursor(shop, run):
    run(TABLE, order(1, "2025-01-01"), order(2, "2025-02-01"), order(3, "2025-03-01"), order(4, None))
    first = shop.load()
    window = Window(datetime(2025, 1, 15, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC))
    again = shop.load(state=first.state, window=window)
    assert again.values("order_id") == ["2"]
    assert again.state == first.state


def test_another_mapping_reads_everything_again_and_says_so(shop, run):
    run(TABLE, order(1, "2025-01-01"), order(2, "2025-03-10 11:00+00"))
    state = shop.load().state
    changed = "        table: orders\n        cursor: updated_at\n" + (
        "        fields: {order_id: id, ordered_at: created_at, gross_amount: 'total * 10', changed_at: updated_at}\n"
    )
    landed = shop.load(changed, state=state)
    assert landed.totals["rows"] == 2
    assert "differently than before" in landed.warnings[0]


def test_the_plan_tells_its_window(shop, run):
    run(TABLE, order(1, "2025-03-10 11:30+00"))
    reader = shop.reader()
    assert reader.plan("orders", None, shop.now).window == Window(BEGINNING, shop.now)
    state = shop.load().state
    assert reader.plan("orders", state, shop.now).window.start == datetime(2025, 3, 10, 10, 30, tzinfo=UTC)


def test_rows_and_totals_come_from_one_moment(shop, run):
    run(TABLE, order(1, "2025-03-10"))
    reader = shop.reader()
    with reader.read(reader.plan("orders", None, shop.now)) as extract:
        run(order(2, "2025-03-10"), "update orders set total = 99")
        text = b"".join(extract.copy_chunks)
    assert text.count(b"\n") == extract.control_totals["rows"] == 1
    assert b"10.00" in text


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("numeric", "'12345678901234567.8901'", "12345678901234567.8901"),
        ("float8", "0.1::float8 + 0.2::float8", "0.30000000000000004"),
        ("money", "'1234.50'", "1234.50"),
        ("boolean", "true", "true"),
        ("char(6)", "'ab'", "ab"),
        ("bytea", "'\\x00ff'", "\\x00ff"),
        ("text", "''", ""),
        ("text", "null", None),
        ("text", "E'two\\nlines, \"quoted\"'", 'two\nlines, "quoted"'),
        ("text", "'Արամ آرش'", "Արամ آرش"),
        ("timestamp", "'2025-01-02 03:04:05.678'", "2025-01-02 03:04:05.678"),
        ("date", "'0099-12-31'", "0099-12-31"),
        ("jsonb", "'{\"a\": 1.10}'", '{"a": 1.10}'),
        ("interval", "'1 day 2 hours'", "P1DT2H"),
    ],
)
def test_every_type_lands_as_its_exact_text(shop, run, column, value, text):
    run(f"create table shapes (v {column})", f"insert into shapes values ({value})")
    assert shop.load(fields(region="v")).values("region") == [text]


@pytest.mark.parametrize(
    ("column", "values", "total"),
    [
        ("int", "(1), (2), (null)", "3"),
        ("numeric(12,2)", "(0.10), (0.20)", "0.30"),
        ("float8", "(0.1), (0.2)", "0.3"),
        ("money", "(0.10), (0.20)", "0.30"),
        ("numeric", "('NaN'), (1)", None),
        ("numeric", "(null)", None),
    ],
)
def test_sums_are_exact_or_absent(shop, run, column, values, total):
    run(f"create table shapes (v {column})", f"insert into shapes values {values}")
    assert shop.load(fields(gross_amount="v")).totals["sums"] == {"gross_amount": total}


def test_the_text_of_times_does_not_depend_on_the_settings_of_the_database(shop, run, database):
    run(
        f"alter database {database['dbname']} set timezone = 'America/New_York'",
        f"alter database {database['dbname']} set datestyle = 'SQL, DMY'",
        f"alter database {database['dbname']} set extra_float_digits = -3",
        "create table shapes (at timestamptz, day date, x float8)",
        "insert into shapes values ('2025-03-01 10:00+04', '2025-03-02', 1/3::float8)",
    )
    landed = shop.load(fields(ordered_at="at", region="day", store="x"))
    assert landed.values("ordered_at") == ["2025-03-01 06:00:00+00"]
    assert landed.values("region") == ["2025-03-02"]
    assert landed.values("store") == ["0.3333333333333333"]


def test_a_query_with_comments_and_a_semicolon_is_read(shop, run):
    run(TABLE, order(1, "2025-03-10"))
    entity = (
        "        query: |\n          -- the shop keeps 100% of it, at 10:00\n          select id, created_at, total, updated_at\n"
        "          from orders;  \n        cursor: updated_at\n        where: total > 1 -- not the free ones\n"
        "        fields: {order_id: id -- the key, ordered_at: created_at, gross_amount: total}\n"
    )
    assert shop.load(entity).values("order_id") == ["1"]


def test_the_columns_on_offer_are_all_of_the_table_with_their_types(shop, run):
    run(TABLE)
    offered = [(column.name, column.type_text) for column in shop.reader().columns("orders")]
    assert offered == [
        ("id", "int4"),
        ("created_at", "timestamptz"),
        ("total", "numeric(12,2)"),
        ("updated_at", "timestamptz"),
    ]


def test_keys_are_the_texts_that_land(shop, run):
    run(
        'create table orders (id char(5), created_at timestamptz, total numeric, updated_at timestamptz, "Removed" boolean)',
        "insert into orders values ('a,\"b', now(), 1, now(), false), ('c', now(), 1, now(), true)",
    )
    entity = (
        "        table: orders\n        where: 'not \"Removed\"'\n"
        "        fields: {order_id: id, ordered_at: created_at, gross_amount: total}\n"
    )
    assert list(shop.reader(entity).keys("orders")) == [('a,"b',)]
    assert shop.load(entity).values("order_id") == ['a,"b']


def test_wrong_columns_are_all_told_with_the_columns_there_are(shop, run):
    run(TABLE)
    entity = (
        "        table: orders\n        cursor: changed\n        where: totl > 0\n"
        "        fields: {order_id: id, ordered_at: createdat, gross_amount: totl}\n"
    )
    with pytest.raises(UserError) as refused:
        shop.load(entity)
    message = str(refused.value)
    assert (
        'orders.fields.ordered_at: createdat — column "createdat" does not exist; did you mean created_at?' in message
    )
    assert 'orders.fields.gross_amount: totl — column "totl" does not exist; did you mean total?' in message
    assert 'orders.cursor: changed — column "changed" does not exist' in message
    assert "orders.where: totl > 0" in message
    assert "order_id" not in message.replace("orders.fields", "")
    assert "The columns of orders are: id, created_at, total, updated_at." in message


@pytest.mark.parametrize("name", ["createdAt", "Created at"])
def test_a_name_that_needs_quotes_is_offered_as_yaml_wants_it(shop, run, name):
    run(f'create table orders (id int, "{name}" timestamptz, total numeric, updated_at timestamptz)')
    entity = f"        table: orders\n        fields: {{order_id: id, ordered_at: {name}, gross_amount: total}}\n"
    with pytest.raises(UserError) as refused:
        shop.load(entity)
    advice = f"""did you mean "{name}"? Write it in both kinds of quotes: '"{name}"'"""
    assert advice in str(refused.value)
    assert shop.load(entity.replace(f": {name},", f""": '"{name}"',""")).totals["rows"] == 0


def test_a_missing_table_is_told_with_the_nearest(shop, run):
    run(TABLE)
    entity = "        table: order\n        fields: {order_id: id, ordered_at: created_at, gross_amount: total}\n"
    with pytest.raises(UserError, match=r"orders\.table"):
        shop.load(entity)
    entity = entity.replace("table: order", "table: ordrs")
    with pytest.raises(UserError, match=r'relation "ordrs" does not exist. Did you mean orders\?'):
        shop.load(entity)


def test_an_expression_that_fails_on_a_row_is_told(shop, run):
    run(TABLE, order(1, "2025-03-10"))
    entity = (
        "        table: orders\n        fields: {order_id: id, ordered_at: created_at, gross_amount: 1 / (id - 1)}\n"
    )
    with pytest.raises(UserError, match="could not evaluate the mapping of orders: division by zero"):
        shop.load(entity)


def test_a_cursor_that_is_none_is_told(shop, run):
    run("create table orders (id int, created_at timestamptz, total numeric, updated_at uuid)")
    with pytest.raises(UserError, match=r"orders\.cursor: updated_at is no cursor: it is uuid"):
        shop.load()


def test_a_table_that_may_not_be_read_is_out_of_reach(shop, run, database):
    role = f"reader_{database['dbname']}"
    run(
        TABLE,
        f"create role {role} login password 'let me in'",
        f"grant connect on database {database['dbname']} to {role}",
    )
    url = shop.url.replace(f"{database['user']}:{quote(database['password'])}@", f"{role}:let%20me%20in@")
    assert url != shop.url
    try:
        reader = shop.reader(url=url)
        with pytest.raises(OutOfReach, match=rf"permission denied for table orders for {role}"):
            reader.columns("orders")
    finally:
        run(f"drop owned by {role}", f"drop role {role}")


def test_nothing_can_be_changed_at_the_source(shop, run):
    run(TABLE, "create sequence counter")
    entity = "        table: orders\n        fields: {order_id: nextval('counter'), ordered_at: created_at, gross_amount: total}\n"
    run(order(1, "2025-03-10"))
    with pytest.raises(UserError, match="read-only transaction"):
        shop.load(entity)


def refused_connection(shop, **parts):
    url = psycopg.conninfo.conninfo_to_dict(shop.url) | parts
    address = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**url)
    reader = shop.reader(url=address)
    with pytest.raises(OutOfReach) as refused:
        reader.columns("orders")
    assert refused.value.exit_code == 3
    assert str(url["password"]) not in str(refused.value)
    return str(refused.value)


def test_a_wrong_password_is_told_without_it(shop, database):
    assert f"refuses the password of {database['user']}" in refused_connection(shop, password="not-the-secret")


def test_a_server_that_is_down_is_told(shop):
    assert "nothing answers at 127.0.0.1:1" in refused_connection(shop, host="127.0.0.1", port=1)


def test_an_unknown_host_is_told(shop):
    assert "there is no host shop.invalid" in refused_connection(shop, host="shop.invalid")


def test_a_missing_database_is_told(shop):
    assert "has no database nothing_here" in refused_connection(shop, dbname="nothing_here")


def test_an_address_that_is_none_is_told(shop):
    with pytest.raises(UserError, match="its `url` is not an address"):
        shop.reader(url="postgresql://u:secret@host:port/db")


def test_a_connection_lost_on_the_way_is_out_of_reach(shop, run, database):
    run(
        TABLE,
        "insert into orders select n, now(), 1, '2025-03-01' from generate_series(1, 400000) n",
    )
    reader = shop.reader()
    with reader.read(reader.plan("orders", None, shop.now)) as extract:
        next(extract.copy_chunks)
        run(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            f"where datname = '{database['dbname']}' and application_name = 'retain' and pid <> pg_backend_pid()"
        )
        with pytest.raises(OutOfReach, match="connection was lost while reading"):
            list(extract.copy_chunks)


def test_memory_stays_flat_however_long_the_table_is(shop, run):
    run(TABLE, "insert into orders select n, now(), 1, '2025-03-01' from generate_series(1, 200000) n")
    reader = shop.reader()
    with reader.read(reader.plan("orders", None, shop.now)) as extract:
        tracemalloc.start()
        size = sum(map(len, extract.copy_chunks))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert extract.rows_sent == 200_000
    assert size > 10_000_000
    assert peak < 4_000_000
