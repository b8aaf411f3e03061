"""`retain bench sources`: records a second and megabytes of loading a vendor's export, beside dlt's own pipeline on the same server."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from bench.exports import served, write_export
from bench.memory import peak_mb
from bench.running import Options, show
from bench.scratch import scratch_folder, scratch_server, url_of
from bench.vendors import VENDORS
from retain.embedded import EmbeddedServer
from retain.errors import UserError

Tell = Callable[[str], None]
ENDED_SECONDS = 30
LEAST_A_SECOND, MOST_MEGABYTES = 15_000, 300


def run(format: str, options: Options) -> None:
    """`retain bench sources`."""
    show(measure, lines, headline, format, options)


def measure(tell: Tell, *, records: int = 1_000_000, vendors: list[str] = list(VENDORS)) -> dict[str, Any]:  # noqa: B006
    """Load `records` records of each vendor into a warehouse, and by dlt into a database; return the document."""
    unknown = sorted(set(vendors) - set(VENDORS))
    if unknown:
        raise UserError(f"There is no vendor called {', '.join(unknown)}.", hint=f"There are: {', '.join(VENDORS)}.")
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    measured = {}
    with scratch_folder("sources") as folder, scratch_server(folder) as server:
        for name in vendors:
            tell(f"{name}: a file of {records:,} records")
            path = folder / f"{name}.jsonl"
            facts = write_export(path, VENDORS[name], records)
            with served(VENDORS[name], path, facts) as url:
                tell(f"{name}: Retain")
                config = _config(server, folder, name, url)
                retain = _apart(_landed, name, config)
                retain |= _apart(_published, config, retain.pop("load_id"))
                retain["seconds"] = retain["land_seconds"] + retain["publish_seconds"]
                retain["peak_mb"] = max(retain["land_peak_mb"], retain["publish_peak_mb"])
                tell(f"{name}: dlt")
                dlt = _apart(_by_dlt, name, url, _database(server, f"{name}_dlt"), folder)
            measured[name] = {"bytes": facts["bytes"], "retain": _rates(retain, records), "dlt": _rates(dlt, records)}
            path.unlink()
    return {"records": records, "vendors": measured}


def _database(server: EmbeddedServer, name: str) -> str:
    server.create_database(name)
    return url_of(server.dsn(name))


def _config(server: EmbeddedServer, folder: Path, name: str, url: str) -> Path:
    path = folder / f"{name}.yml"
    path.write_text(
        "business:\n  timezone: UTC\n  reporting_currency: EUR\n"
        f"warehouse:\n  url: {_database(server, name)}\nsources:\n  - name: {name}\n    {VENDORS[name].source(url)}"
    )
    return path


def _apart(measure: Callable[..., None], *arguments: Any) -> dict[str, Any]:
    """In a process of its own, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=measure, args=(*arguments, there))
    process.start()
    there.close()
    try:
        found: dict[str, Any] = here.recv()
        process.join(ENDED_SECONDS)  # one that is killed leaves behind what its own processes share
    except EOFError:
        raise RuntimeError(f"the process that was measured ended before it was done ({measure.__name__})") from None
    finally:
        process.kill()
        process.join()
    return found


def _landed(name: str, config: Path, answer: Any) -> None:
    from retain import warehouse
    from retain.config import load_settings
    from retain.landing import land_changes
    from retain.sources import open_source

    settings = load_settings(config)
    warehouse.prepare(settings)
    open_source(settings, name)  # what is slow to import is imported before the clock runs
    started = time.perf_counter()
    landed = land_changes(settings, name, VENDORS[name].entity)
    answer.send(
        {
            "land_seconds": time.perf_counter() - started,
            "load_id": landed.load_id,
            "landed": landed.rows_sent,
            "land_peak_mb": peak_mb(),
        }
    )


def _published(config: Path, load_id: int, answer: Any) -> None:
    from retain.config import load_settings
    from retain.gate import judge
    from retain.publish import publish_load
    from retain.validation import context

    settings = load_settings(config)
    context()
    started = time.perf_counter()
    judge(settings, load_id).raise_if_refused()
    done = publish_load(settings, load_id)
    answer.send(
        {"publish_seconds": time.perf_counter() - started, "loaded": done.rows_changed, "publish_peak_mb": peak_mb()}
    )


def _by_dlt(name: str, url: str, database: str, folder: Path, answer: Any) -> None:
    """At its fastest with its own means: appended, not merged; no table of its own for each list in a record."""
    for variable in ("RUNTIME__DLTHUB_TELEMETRY", "PROVIDERS__ENABLE_AIRFLOW_SECRETS"):
        os.environ[variable] = "false"
    import dlt

    pipeline = dlt.pipeline(
        f"bench_{name}",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.postgres(credentials=database),
        dataset_name="export",
    )
    resource = dlt.resource(
        VENDORS[name].read_by_dlt, name=VENDORS[name].entity, write_disposition="append", max_table_nesting=0
    )
    started = time.perf_counter()
    pipeline.run(resource(url))
    seconds = time.perf_counter() - started
    with psycopg.connect(database) as connection:
        row = connection.execute(f"select count(*) from export.{VENDORS[name].entity}".encode()).fetchone()
    answer.send({"seconds": seconds, "loaded": row[0] if row else 0, "peak_mb": peak_mb()})


def _rates(measured: dict[str, Any], records: int) -> dict[str, Any]:
    if measured["loaded"] != records:
        raise RuntimeError(f"{measured['loaded']:,} of {records:,} records were loaded")
    found = {name: round(value, 2) if name.endswith("seconds") else round(value) for name, value in measured.items()}
    for seconds, rate in (("land_seconds", "landed_a_second"), ("seconds", "records_a_second")):
        if seconds in measured:
            found[rate] = round(records / measured[seconds])
    return found


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: two lines a vendor."""
    header = ["export", "by", "landed a second", "loaded a second", "seconds", "peak MB"]
    rows = []
    for vendor, one in document["vendors"].items():
        for by in ("retain", "dlt"):
            found = one[by]
            landed = f"{found['landed_a_second']:,}" if "landed_a_second" in found else "–"
            rows.append(
                [vendor, by, landed, f"{found['records_a_second']:,}", str(found["seconds"]), str(found["peak_mb"])]
            )
    return header, rows


def headline(document: dict[str, Any]) -> list[str]:
    """What the figures say, in sentences."""
    said = []
    for vendor, one in document["vendors"].items():
        ours, theirs = one["retain"], one["dlt"]
        said.append(
            f"{vendor}, {document['records']:,} records, {one['bytes'] / 1e6:,.0f} MB: landed {ours['landed_a_second']:,} a second "
            f"(goal: {LEAST_A_SECOND:,}) in {ours['land_peak_mb']} MB (goal: at most {MOST_MEGABYTES}); landed, judged and "
            f"published {ours['records_a_second']:,} a second, {ours['records_a_second'] / theirs['records_a_second']:.1f} × dlt's"
        )
    return said
