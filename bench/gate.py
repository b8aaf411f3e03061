"""`retain bench gate`: what the gate and publishing cost on top of landing, for a large delivery of orders, and in memory."""

import multiprocessing
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.memory import peak_mb
from bench.running import Options, show
from bench.scratch import scratch_folder, scratch_server, url_of
from retain.embedded import EmbeddedServer
from retain.errors import UserError

Tell = Callable[[str], None]
MOST_MEGABYTES, MOST_TIMES_LANDING = 400, 3.0
SLOW_MILLISECONDS = 100
CUSTOMERS_PER_ORDER = 0.2
KINDS = ["sql", "files"]

# A shop of every currency and status, two thirds of the orders with an address, all dates before today.
SHOP = """
create table customers as
select 'C' || n as customer_id, 'customer' || n || '@example.am' as email, '+37491' || lpad(n::text, 6, '0') as phone,
    'Name ' || n as full_name, now() - interval '800 days' as changed_at
from generate_series(1, {customers}) as n;
create table exchange_rates as
select currency, (date '2020-01-01' + n)::date as rate_on, 0.9 + n / 100000.0 as rate
from generate_series(0, 3000) as n, (values ('USD'), ('AMD')) as known (currency)
where date '2020-01-01' + n <= current_date;
create table orders as
select n as order_id, 'C' || (1 + n * 7919::bigint % {customers}) as customer_id,
    case when n % 3 > 0 then 'customer' || (1 + n * 7919::bigint % {customers}) || '@example.am' end as email,
    case when n % 4 = 0 then '+37491' || lpad((1 + n * 7919::bigint % {customers})::text, 6, '0') end as phone,
    now() - interval '1 day' - n % 700 * interval '1 day' - n % 86400 * interval '1 second' as ordered_at,
    (array['paid', 'paid', 'paid', 'paid', 'refunded', 'cancelled'])[1 + n % 6] as status,
    (array['EUR', 'EUR', 'USD', 'AMD'])[1 + n % 4] as currency,
    (10 + n % 9973 / 100.0)::numeric(12, 2) as gross_amount, (n % 500 / 100.0)::numeric(12, 2) as discount_amount,
    (n % 1999 / 100.0)::numeric(12, 2) as tax_amount, 4.90::numeric(12, 2) as shipping_amount,
    (array['store', 'web', 'app'])[1 + n % 3] as channel, 'store ' || n % 40 as store, 'region ' || n % 9 as region,
    n % 997 = 0 as is_test, now() - interval '1 day' as changed_at
from generate_series(1, {orders}) as n;
"""
ENTITIES = {
    "exchange_rates": ("currency", "rate_on", "rate"),
    "customers": ("customer_id", "email", "phone", "full_name", "changed_at"),
    "orders": (
        "order_id", "customer_id", "email", "phone", "ordered_at", "status", "currency", "gross_amount",
        "discount_amount", "tax_amount", "shipping_amount", "channel", "store", "region", "is_test", "changed_at",
    ),
}  # fmt: skip


def run(format: str, options: Options) -> None:
    """`retain bench gate`."""
    show(measure, lines, headline, format, options)


def measure(tell: Tell, *, orders: int = 1_000_000, kinds: list[str] = KINDS) -> dict[str, Any]:
    """Land, judge and publish `orders` orders from each kind of source, and return the document.

    Its figures on top are those of the kind that costs most beside its landing; `sources` has each.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise UserError(
            f"There is no kind of source called {', '.join(unknown)}.", hint=f"There are: {', '.join(KINDS)}."
        )
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    with scratch_folder("gate") as folder, scratch_server(folder) as server:
        tell(f"a shop of {orders:,} orders")
        _fill(server, orders, folder)
        measured = {}
        for kind in kinds:
            tell(f"{kind}: land, gate, publish")
            measured[kind] = _measure_kind(server, folder, kind)
            tell(f"{kind}: bare COPY")
            measured[kind]["bare_copy_seconds"] = _bare_copy(server, folder, kind)
    worst = max(measured.values(), key=lambda one: one["times_landing"])
    return {
        "orders": orders,
        **{name: worst[name] for name in ("land_seconds", "gate_seconds", "publish_seconds", "times_landing")},
        "peak_mb": max(one["peak_mb"] for one in measured.values()),
        "bare_copy_seconds": worst["bare_copy_seconds"],
        "sources": measured,
    }


def _fill(server: EmbeddedServer, orders: int, folder: Path) -> None:
    server.create_database("shop")
    with psycopg.connect(**server.dsn("shop"), autocommit=True) as connection:
        for statement in SHOP.format(orders=orders, customers=max(1, int(orders * CUSTOMERS_PER_ORDER))).split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        connection.execute("vacuum analyze")
        (folder / "files").mkdir()
        for entity in ENTITIES:
            with (
                (folder / "files" / f"{entity}.csv").open("wb") as file,
                connection.cursor().copy(f"copy {entity} to stdout (format csv, header)".encode()) as copy,
            ):
                for part in copy:
                    file.write(part)


def _measure_kind(server: EmbeddedServer, folder: Path, kind: str) -> dict[str, Any]:
    """In a process of its own, so that its memory is its own."""
    server.create_database(kind)
    with psycopg.connect(**server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"alter database {kind} set log_min_messages = 'log'".encode())
        connection.execute(f"alter database {kind} set log_min_duration_statement = {SLOW_MILLISECONDS}".encode())
    config = folder / f"{kind}.yml"
    config.write_text(_config(server, kind))
    logged = server.log.stat().st_size
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_timed, args=(config, there))
    process.start()
    there.close()
    try:
        measured: dict[str, Any] = here.recv()
    except EOFError:
        raise RuntimeError(f"the process that was measured ended before it was done (source {kind})") from None
    finally:
        process.kill()
        process.join()
    for name in ("land_seconds", "gate_seconds", "publish_seconds"):
        measured[name] = round(measured[name], 2)
    measured["times_landing"] = round(
        (measured["gate_seconds"] + measured["publish_seconds"]) / measured["land_seconds"], 2
    )
    with server.log.open(errors="replace") as log:
        log.seek(logged)
        measured["slowest"] = slowest(log.read(), measured.pop("orders_from"))
    return measured


def _config(server: EmbeddedServer, kind: str) -> str:
    head = (
        "business:\n  timezone: Asia/Yerevan\n  reporting_currency: EUR\n"
        f"warehouse:\n  url: {url_of(server.dsn(kind))}\nsources:\n  - name: shop\n    type: {kind}\n"
    )
    head += f"    url: {url_of(server.dsn('shop'))}\n" if kind == "sql" else "    folder: files\n"
    lines = ["    entities:"]
    for entity, columns in ENTITIES.items():
        mapping = ", ".join(f"{name}: {name}" for name in columns)
        lines.append(f"      {entity}:\n        fields: {{{mapping}}}")
        lines.append(f"        table: {entity}" if kind == "sql" else f"        files: {entity}.csv")
    return head + "\n".join(lines) + "\n"


def _timed(config: Path, answer: Any) -> None:
    from retain import warehouse
    from retain.config import load_settings
    from retain.gate import judge
    from retain.landing import land_changes
    from retain.loads import load_entity
    from retain.publish import publish_load

    settings = load_settings(config)
    warehouse.prepare(settings)
    for entity in ("exchange_rates", "customers"):  # and everything that is slow to import is imported
        load_entity(settings, "shop", entity)
    resting = peak_mb()
    begun_at = time.time()
    times = [time.perf_counter()]
    landed = land_changes(settings, "shop", "orders")
    times.append(time.perf_counter())
    verdict = judge(settings, landed.load_id)
    times.append(time.perf_counter())
    done = publish_load(settings, landed.load_id)
    times.append(time.perf_counter())
    answer.send(
        {
            "land_seconds": times[1] - times[0],
            "gate_seconds": times[2] - times[1],
            "publish_seconds": times[3] - times[2],
            "peak_mb": round(peak_mb(), 1),
            "peak_mb_before_orders": round(resting, 1),
            "rows_published": done.rows_changed,
            "refused": list(verdict.refusals),
            "orders_from": begun_at,
        }
    )


def _bare_copy(server: EmbeddedServer, folder: Path, kind: str) -> float:
    """The same rows as text into a plain table, by psycopg alone: out of the shop's database, or out of the file."""
    columns = ", ".join(f"{name} text" for name in ENTITIES["orders"])
    with psycopg.connect(**server.dsn(kind)) as into, psycopg.connect(**server.dsn("shop")) as out:
        into.execute(f"create table public.bare ({columns})".encode())
        started = time.perf_counter()
        with into.cursor().copy("copy public.bare from stdin (format csv, header true)") as target:
            if kind == "sql":
                with out.cursor().copy("copy orders to stdout (format csv, header)") as source:
                    for part in source:
                        target.write(part)
            else:
                with (folder / "files" / "orders.csv").open("rb") as file:
                    while block := file.read(1 << 18):
                        target.write(block)
        into.commit()
        return round(time.perf_counter() - started, 2)


def slowest(log: str, since: float) -> list[dict[str, Any]]:
    """The statements of the server's log that took longest since that moment: {milliseconds, statement}."""
    found = re.findall(
        r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC \[\d+\] LOG:  duration: ([\d.]+) ms  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)",
        log,
        re.MULTILINE,
    )
    after = f"{datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S.%f}"
    entries = [(round(float(duration)), " ".join(text.split())[:300]) for at, duration, text in found if at >= after]
    return [{"milliseconds": took, "statement": statement} for took, statement in sorted(entries, reverse=True)[:20]]


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: a line a kind of source."""
    header = ["source", "land s", "gate s", "publish s", "gate + publish ÷ land", "bare COPY s", "peak MB"]
    return header, [
        [kind, *(str(one[name]) for name in ("land_seconds", "gate_seconds", "publish_seconds")),
         f"{one['times_landing']:.2f}", str(one["bare_copy_seconds"]), str(one["peak_mb"])]
        for kind, one in document["sources"].items()
    ]  # fmt: skip


def headline(document: dict[str, Any]) -> list[str]:
    """What the figures say, in sentences, and where the time went."""
    said = [
        f"{document['orders']:,} orders: gate and publish take {document['times_landing']:.2f} × landing "
        f"(goal: at most {MOST_TIMES_LANDING:.0f}), {document['peak_mb']:.0f} MB (goal: at most {MOST_MEGABYTES})"
    ]
    for kind, one in document["sources"].items():
        said.append(f"{kind}: the slowest statements")
        said += [f"  {entry['milliseconds']:>7,} ms  {entry['statement'][:140]}" for entry in one["slowest"][:8]]
    return said
