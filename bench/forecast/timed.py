"""What is measured in a process of its own, so that its time and memory are its own."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np

from bench.forecast import shops

ROWS_A_BLOCK = 500_000


def alone(work: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Run `work` in a fresh process and return what it returns. Raises RuntimeError when it ends before it is done."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(work, there, *arguments))
    process.start()
    there.close()
    try:
        measured: dict[str, Any] = here.recv()
    except EOFError:
        raise RuntimeError(f"the process that measures {work.__name__} ended before it was done") from None
    finally:
        process.join(10)
        process.kill()
    return measured


def _answer(work: Callable[..., dict[str, Any]], there: Any, *arguments: Any) -> None:
    there.send(work(*arguments))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def whole_fit(data: str) -> dict[str, Any]:
    """Fit BG/NBD and Gamma-Gamma and score everybody once, after everything is imported: the best of three (of one, for
    a million)."""
    from retain.forecast.bg_nbd import BgNbd
    from retain.forecast.gamma_gamma import fit_spend
    from retain.forecast.maximum_likelihood import maximise
    from retain.forecast.purchase_likelihood import PurchaseLikelihood
    from retain.forecast.statistics import History, states

    with np.load(data) as columns:
        x = columns["x"].astype(np.int64)
        t_x, t = np.rint(columns["t_x"] * 7).astype(np.int64), np.rint(columns["t"] * 7).astype(np.int64)
        cents = np.rint(columns["spend"] * columns["x"] * 100).astype(np.int64)
    history = History(0, np.arange(len(x)), x, t_x, t, cents, cents, -int(t.max()))
    best: dict[str, Any] = {}
    for _ in range(1 if len(x) > 100_000 else 3):
        started, used = time.perf_counter(), time.process_time()
        known = states(history)
        fit = maximise(PurchaseLikelihood(known))
        spend = fit_spend(history)
        fitted = time.perf_counter()
        assert spend.model is not None
        model = BgNbd(*(float(value) for value in fit.parameters))
        alive = model.p_alive(known.x, known.t_x, known.t)
        expected = (alive * model.occasions_if_alive(known.x, known.t, shops.WEEKS))[known.state_of]
        value = expected * spend.model.expected_spend(history.x.astype(np.float64), history.mean_repeat_spend)
        ended = time.perf_counter()
        assert np.isfinite(value).all()
        if not best or ended - started < best["seconds"]:
            best = {
                "seconds": ended - started,
                "fit_seconds": fitted - started,
                "processor_seconds": time.process_time() - used,
                "purchases": [float(each) for each in fit.parameters],
                "spend": [float(each) for each in (spend.model.p, spend.model.q, spend.model.gamma)],
                "states": len(known),
            }
    return best | {"peak_mb": peak_mb()}


def step_in_warehouse(customers: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """The whole forecast step over a warehouse of `customers`: read, fit, learn, score, explain, write; no back-cast."""
    from bench.scratch import scratch_folder, scratch_server, url_of

    with scratch_folder("forecast-step") as folder, scratch_server(folder) as server:
        server.create_database("retain_bench")
        config = folder / "retain.yml"
        config.write_text(
            "as_of: 2022-01-26\nbusiness: {timezone: UTC, reporting_currency: EUR}\n"
            f"warehouse:\n  url: {url_of(server.dsn('retain_bench'))}\n"
            "sources:\n  - name: shop\n    type: files\n    folder: .\n    entities:\n      orders:\n        files: '*.csv'\n"
            "        fields: {order_id: id, ordered_at: at, gross_amount: amount}\n"
            "        defaults: {status: paid, currency: EUR}\n"
        )
        filled = alone(_fill, str(config), customers)
        tell(f"{filled['occasions']:,} occasions; forecasting")
        return alone(_step, str(config)) | filled


def _fill(config: str, customers: int) -> dict[str, Any]:
    from pathlib import Path

    from retain import warehouse
    from retain.config import load_settings
    from retain.forecast import postgres_binary as binary

    settings = load_settings(Path(config))
    warehouse.prepare(settings)
    known = shops.occasions(customers, 1_000, 7)
    days = (known.day - (date(2000, 1, 1) - date(1970, 1, 1)).days).astype(np.int32)
    with warehouse.connect(settings) as connection:
        connection.execute(
            "create table intermediate.int_purchase_occasions"
            " (customer_key uuid, occasion_on date, net_amount numeric(18, 2), first_channel text)"
        )
        connection.execute(
            "create table intermediate.int_orders (order_key uuid, customer_key uuid, ordered_on date, is_valid boolean)"
        )
        connection.execute(
            "create table intermediate.int_returns (order_key uuid, returned_on date, reporting_amount numeric(18, 2))"
        )
        # what is known already of the shop's past days: a ledger that has its back-casts makes no new ones
        connection.execute(
            "insert into forecast.models (model, version, as_of_on, purpose, customers, parameters, is_identified)"
            " values ('bg_nbd', 'earlier', '2021-01-26', 'backcast', 0, '{}', true)"
        )
        names = "customer_key, occasion_on, net_amount, first_channel"
        with (
            connection.cursor() as cursor,
            cursor.copy(f"copy intermediate.int_purchase_occasions ({names}) from stdin (format binary)") as copy,
        ):
            copy.write(binary.HEADER)
            for start in range(0, len(days), ROWS_A_BLOCK):
                rows = slice(start, start + ROWS_A_BLOCK)
                columns = {
                    "customer_key": binary.uuids(known.keys[known.customer[rows]]),
                    "occasion_on": binary.Column(days[rows], np.dtype(">i4")),
                    "net_amount": binary.amounts(known.cents[rows] / 100.0, 2),
                    "first_channel": binary.text("web"),
                }
                for block in binary.blocks(columns, len(days[rows])):
                    copy.write(block)
            copy.write(binary.TRAILER)
        connection.commit()
        connection.execute("analyze intermediate.int_purchase_occasions")
    return {"customers": customers, "occasions": len(days)}


def _step(config: str) -> dict[str, Any]:
    from pathlib import Path

    from retain import warehouse
    from retain.config import load_settings
    from retain.forecast import run_forecast

    settings = load_settings(Path(config))
    steps: list[tuple[str, float]] = []
    started = time.perf_counter()
    with warehouse.connect(settings) as connection:
        result = run_forecast(connection, settings, lambda what: steps.append((what, time.perf_counter() - started)))
    ends = [at for _, at in steps[1:]] + [time.perf_counter() - started]
    return {
        "seconds": time.perf_counter() - started,
        "peak_mb": peak_mb(),
        "predictions": result.predictions,
        "model": result.model,
        "parts": {what: round(end - at, 2) for (what, at), end in zip(steps, ends, strict=True)},
    }
