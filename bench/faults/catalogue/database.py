"""Damages to a database that is read: migrations, restores, clocks and rights, in the source's own SQL."""

from bench.faults.databases import ShopDatabase, database_fault

TABLES = ("exchange_rates", "customers", "orders", "order_items")
CURSORED = ("customers", "orders", "order_items")


@database_fault("customers", "orders", "order_items")
def column_dropped(shop: ShopDatabase) -> None:
    """A migration took a column away."""
    shop.alter(f"drop column {shop.attribute}")


@database_fault("customers", "orders", "order_items")
def column_renamed(shop: ShopDatabase) -> None:
    """A migration gave a column another name."""
    shop.alter(f"rename column {shop.attribute} to {shop.attribute}_v2")


@database_fault("exchange_rates", "orders", "order_items")
def amount_became_text(shop: ShopDatabase) -> None:
    """A migration made a text of an amount, and wrote it the way people do: 12,50 €."""
    shop.alter(f"alter column {shop.amount} type text using replace({shop.amount}::text, '.', ',') || ' €'")


@database_fault("orders", "order_items")
def amount_became_integer(shop: ShopDatabase) -> None:
    """A migration made an integer of an amount: the cents are gone."""
    shop.alter(f"alter column {shop.amount} type integer using trunc({shop.amount})::integer")


@database_fault("orders", "order_items")
def amount_in_cents(shop: ShopDatabase) -> None:
    """A migration keeps amounts in cents: a bigint, a hundred times as large, for every row there ever was."""
    shop.alter(f"alter column {shop.amount} type bigint using ({shop.amount} * 100)::bigint")


@database_fault("exchange_rates", "orders", "order_items")
def amount_not_a_number(shop: ShopDatabase) -> None:
    """PostgreSQL's numeric holds NaN, and a faulty division wrote it."""
    shop.change_some(f"{shop.amount} = 'NaN'")


@database_fault("orders")
def moment_infinite(shop: ShopDatabase) -> None:
    """PostgreSQL's timestamp holds infinity, and a default wrote it."""
    shop.change_some("ordered_at = 'infinity'")


@database_fault("customers", "orders")
def key_got_a_prefix(shop: ShopDatabase) -> None:
    """A merger of two shops: every key got a prefix, in old rows and new."""
    shop.alter(f"alter column {shop.key} type text using 'AM-' || {shop.key}")


@database_fault(*TABLES)
def table_renamed(shop: ShopDatabase) -> None:
    """A migration works on a copy and has not put it into place yet."""
    shop.alter("rename to a_table_of_another_name")


@database_fault(*TABLES)
def table_emptied(shop: ShopDatabase) -> None:
    """A nightly job truncates the table and fills it again, and was met in between."""
    shop.run("truncate {table}")


@database_fault(*CURSORED)
def restored_from_a_backup(shop: ShopDatabase) -> None:
    """The database was restored as it stood three weeks ago."""
    shop.run("delete from {table} where changed_at > (select max(changed_at) from {table}) - interval '21 days'")


@database_fault(*CURSORED)
def a_third_of_the_rows_gone(shop: ShopDatabase) -> None:
    """A clean-up job with a wrong condition deleted a third of everything."""
    shop.run("delete from {table} where abs(hashtext({table}::text)) % 3 = 0")


@database_fault(*CURSORED)
def replica_stands_still(shop: ShopDatabase) -> None:
    """Replication has broken: the copy that is read is as it was yesterday."""
    shop.run("delete from {table} where {tonight}")


@database_fault(*CURSORED)
def replica_half_a_day_behind(shop: ShopDatabase) -> None:
    """Replication is slow: the second half of the day is not there yet."""
    shop.run("delete from {table} where {tonight} and changed_at::time > '13:00'")


@database_fault(*CURSORED)
def cursor_not_moved(shop: ShopDatabase) -> None:
    """A bulk import writes rows with the time of change of the original: months ago."""
    shop.change_some("changed_at = changed_at - interval '60 days'")


@database_fault(*CURSORED)
def cursor_empty(shop: ShopDatabase) -> None:
    """A new way of writing rows does not fill the time of change."""
    shop.change_some("changed_at = null")


@database_fault(*CURSORED)
def cursor_in_the_future(shop: ShopDatabase) -> None:
    """One application server's clock is a week ahead."""
    shop.change_some("changed_at = changed_at + interval '7 days'")


@database_fault(*CURSORED)
def clock_four_hours_behind(shop: ShopDatabase) -> None:
    """The server moved to UTC: times of change are four hours earlier than they were."""
    shop.run("update {table} set changed_at = changed_at - interval '4 hours' where {tonight}")


@database_fault(*CURSORED)
def committed_late(shop: ShopDatabase) -> None:
    """A transaction that ran for a day and a half was committed after the last load had passed its time."""
    shop.change_some("changed_at = changed_at - interval '36 hours'")


@database_fault("orders", "order_items")
def view_multiplies_rows(shop: ShopDatabase) -> None:
    """The view that is read joins a table that got second rows: everything comes twice."""
    shop.alter("rename to behind_the_view")
    shop.run("create view {table} as select behind_the_view.* from behind_the_view, generate_series(1, 2)")


@database_fault(*CURSORED)
def view_hides_rows(shop: ShopDatabase) -> None:
    """A policy lets the reader see only one half of the rows."""
    shop.alter("rename to behind_the_view")
    shop.run("create view {table} as select * from behind_the_view where abs(hashtext(behind_the_view::text)) % 2 = 0")


@database_fault("customers", "orders")
def key_no_longer_unique(shop: ShopDatabase) -> None:
    """The primary key was dropped for a migration, and a job ran twice: some rows exist twice, with different values."""
    shop.run("alter table {table} drop constraint {table}_pkey")
    shop.run(f"insert into {{table}} select * from {{table}} where {{tonight}} order by {shop.key} limit 10")
    twice = f"select max(ctid) from {{table}} group by {shop.key} having count(*) > 1"
    shop.run(f"update {{table}} set {shop.attribute} = null where ctid in ({twice})")


@database_fault("orders")
def status_got_a_new_value(shop: ShopDatabase) -> None:
    """A release introduced a status."""
    shop.change_some("status = 'awaiting_pickup'")


@database_fault("orders")
def currency_padded(shop: ShopDatabase) -> None:
    """A column became char(10): every value ends in spaces. No harm."""
    shop.alter("alter column currency type char(10)")


@database_fault(*TABLES)
def column_added(shop: ShopDatabase) -> None:
    """A release added a column that retain.yml does not speak of. No harm."""
    shop.alter("add column loyalty_points integer default 0")


@database_fault(*TABLES)
def right_to_read_taken_away(shop: ShopDatabase) -> None:
    """Somebody tidied the rights: the reader may no longer read the table."""
    shop.run("revoke select on {table} from shop_reader")


@database_fault("orders")
def database_locked_out(shop: ShopDatabase) -> None:
    """The reader's password was changed, or its login taken away."""
    shop.run("revoke connect on database {database} from shop_reader")


@database_fault("orders", "order_items")
def amounts_negated(shop: ShopDatabase) -> None:
    """A release writes what is owed to the shop as a negative amount."""
    shop.run(f"update {{table}} set {shop.amount} = -{shop.amount} where {{tonight}}")


@database_fault("orders")
def numbers_used_again(shop: ShopDatabase) -> None:
    """The sequence of order numbers was reset: new orders took the place of old ones."""
    shop.run(
        "with old as (select order_id, row_number() over (order by order_id) as n from {table} where not {tonight} limit 10), "
        "new as (select order_id, row_number() over (order by order_id) as n from {table} where {tonight} limit 10), "
        "gone as (delete from {table} where order_id in (select order_id from old)) "
        "update {table} as t set order_id = -old.order_id from old join new using (n) where t.order_id = new.order_id"
    )
    shop.run("update {table} set order_id = -order_id where order_id < 0")
