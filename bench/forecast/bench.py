"""`retain bench forecast`: speed and memory beside other libraries on the same data, honest errors, and a known truth."""

import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.forecast import peers, shops
from bench.forecast.timed import alone, step_in_warehouse, whole_fit
from bench.scratch import scratch_folder
from retain.errors import UserError
from retain.forecast.churn import train
from retain.forecast.churn.facts import facts_at
from retain.forecast.forecaster import ForecastOptions, make_forecaster
from retain.forecast.gamma_gamma import SpendLikelihood
from retain.forecast.graded import Said, grade_all
from retain.forecast.maximum_likelihood import maximise
from retain.forecast.prediction import HORIZONS, INTERVAL, Prediction
from retain.forecast.purchase_likelihood import PurchaseLikelihood
from retain.forecast.risk import Scores
from retain.forecast.statistics import IntArray, States

Tell = Callable[[str], None]

GOALS = {
    "small_seconds": 0.1,
    "million_seconds": 3.0,
    "million_mb": 600,
    "times_lifetimes": 20,
    "step_seconds": 180,
    "interval_coverage": (0.90, 0.99),
    "calibration_error": 0.02,
    "total_bias": 0.05,
    "value_coverage": (0.75, 0.85),
}
SMALL = 23_570  # customers of the whole CDNOW cohort
SEED = 20250101
PARTS = ("speed", "others", "intervals", "truth", "step")
UNTIL = date(2025, 12, 31)
DAYS_BACK = (365, 456, 547)


def measure(
    tell: Tell,
    *,
    customers: int = 1_000_000,
    simulations: int = 200,
    only: str = ",".join(PARTS),
) -> dict[str, Any]:
    """Return the document. `customers` of the large fits; `simulations` for the errors; `only`: these of PARTS, with
    commas between. Raises UserError for a part that there is not."""
    parts = [part.strip() for part in only.split(",")]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise UserError(f"This bench has no part '{unknown[0]}'.", hint=f"It has: {', '.join(PARTS)}.")
    document: dict[str, Any] = {"goals": GOALS}
    if "speed" in parts:
        others = "others" in parts
        with scratch_folder("forecast") as folder:
            for name, count in (("small", SMALL), ("million", customers)):
                tell(f"{count:,} customers: fit and score")
                document[name] = _side_by_side(tell, folder, count, others and name == "small", others)
    if "intervals" in parts:
        tell(f"{simulations} simulations of 95 % intervals")
        document["intervals"] = _intervals(simulations)
    if "truth" in parts:
        document["truth"] = [_against_truth(tell, back) for back in DAYS_BACK]
    if "step" in parts:
        tell(f"the whole step for {customers:,} customers, in a warehouse")
        document["step"] = step_in_warehouse(customers, tell)
    return document


def _side_by_side(tell: Tell, folder: Path, count: int, with_pymc: bool, beside: bool) -> dict[str, Any]:
    x, t_x, t, spend = shops.customers(count, SEED)
    history = shops.by_days(x, t_x, t, spend)
    known = {"x": history.x, "t_x": history.t_x_days / 7, "t": history.t_days / 7, "spend": history.mean_repeat_spend}
    data = folder / f"{count}.npz"
    peers.write(data, {name: column.astype(np.float64) for name, column in known.items()})
    found: dict[str, Any] = {"customers": count, "retain": alone(whole_fit, str(data))}
    wanted = [name for name in peers.PEERS if name == "lifetimes" or with_pymc] if beside else []
    for name in wanted:
        tell(f"{count:,} customers: {name}")
        found[name] = peers.measure(name, _environments(), data)
    for name in ("retain", *wanted):
        if "purchases" in found[name]:
            found[name] |= _likelihoods(known, found[name]["purchases"], found[name]["spend"])
    if "seconds" in found.get("lifetimes", {}):
        found["times_lifetimes"] = found["lifetimes"]["seconds"] / found["retain"]["seconds"]
    return found


def _environments() -> Path:
    """Where the others' environments stay, so that only the first run installs them."""
    folder = Path(os.environ.get("RETAIN_BENCH_FOLDER", Path(__file__).resolve().parents[2] / ".retain" / "bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _likelihoods(known: dict[str, np.ndarray], purchases: list[float], spend: list[float]) -> dict[str, float]:
    """Everybody's parameters by one and the same likelihood."""
    x = known["x"].astype(np.float64)
    order = np.lexsort((known["t"], known["t_x"], x))
    each = States(x[order], known["t_x"][order], known["t"][order], np.ones(len(x)), np.arange(len(x)))
    again = x > 0
    return {
        "purchases_log_likelihood": PurchaseLikelihood(each)(np.array(purchases)).value,
        "spend_log_likelihood": SpendLikelihood(x[again], known["spend"][again])(np.array(spend)).value,
    }


def _intervals(simulations: int) -> dict[str, dict[str, float]]:
    """Share of simulated shops whose 95 % interval (on the logarithm, where a positive parameter's error is even)
    holds the truth."""
    inside: dict[str, list[np.ndarray]] = {"bg_nbd": [], "gamma_gamma": []}
    for seed in range(simulations):
        x, t_x, t, spend = shops.customers(4_000, 10_000 + seed, 104.0)
        order = np.lexsort((t, t_x, x))
        each = States(x[order], t_x[order], t[order], np.ones(len(x)), np.arange(len(x)))
        again = x > 0
        for name, likelihood, truth in (
            ("bg_nbd", PurchaseLikelihood(each), shops.PURCHASES),
            ("gamma_gamma", SpendLikelihood(x[again], spend[again]), shops.SPEND),
        ):
            fit = maximise(likelihood)
            apart = np.abs(np.log(fit.parameters) - np.log(list(truth.values())))
            inside[name].append(apart <= 1.959964 * fit.standard_errors / fit.parameters)
    names = {"bg_nbd": shops.PURCHASES, "gamma_gamma": shops.SPEND}
    return {
        model: {name: float(share) for name, share in zip(names[model], np.mean(held, axis=0), strict=True)}
        for model, held in inside.items()
    }


def _against_truth(tell: Tell, back: int) -> dict[str, Any]:
    """The demo shop's people, as of a past day: what is said of them, beside what is true of them and what they did."""
    clock, buyers, everything = shops.demo(UNTIL - timedelta(days=1_095), UNTIL, SEED, 20_000)
    until = clock.last_day - back
    tell(f"the demo shop's truth as of {back} days before its end")
    known = everything.known_at(until)
    forecaster = make_forecaster(known, until, ForecastOptions(seed=SEED))
    history = everything.history(until)
    scores = Scores(train(known, forecaster), forecaster, facts_at(known, forecaster.history), known)
    said: dict[str, Any] = {"as_of_on": str(UNTIL - timedelta(days=back)), "customers": len(history), "horizons": {}}
    for prediction in forecaster.predictions(HORIZONS):
        days = prediction.days
        p, name = scores.risk(prediction)
        true = shops.truth(clock, buyers, history, days)
        happened, cents = everything.between(history, until + days)
        interval = (prediction.value, prediction.low, prediction.high, prediction.interval_holds)
        whole = [one for one in grade_all([Said(name, p, *interval)], happened, cents) if one.band == 0]
        band = np.minimum((p * 10).astype(int), 9)
        apart = np.abs(np.bincount(band, weights=p - true["p_no_order"])).sum() / len(p)
        said["horizons"][str(days)] = {
            "model": name,
            "calibration_error": whole[0].calibration_error,
            "calibration_error_to_truth": float(apart),
            "total_bias": whole[1].total_bias,
            "total_bias_to_truth": float(prediction.value.sum() / true["value"].sum() - 1.0),
            "interval_coverage": whole[1].interval_coverage,
            "interval_promised": whole[1].interval_promised,
            "interval_coverage_where_80_is_possible": _coverage(prediction, cents),
        }
    return said


def _coverage(prediction: Prediction, cents: IntArray) -> float:
    """Share of outcomes inside the intervals of customers whose interval can hold as little as 80 %."""
    chosen, was = prediction.p_no_order <= INTERVAL, cents / 100.0
    inside = (was >= np.floor(prediction.low * 100) / 100) & (was <= np.ceil(prediction.high * 100) / 100)
    return float(inside[chosen].mean())


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: a line a library and size."""
    header = ["customers", "library", "fit and score s", "of it fit s", "peak MB", "log-likelihood orders", "of spend"]
    rows = []
    for name in ("small", "million"):
        found = document.get(name, {})
        for library, one in found.items():
            if not isinstance(one, dict):
                continue
            if "missing" in one:
                rows.append([f"{found['customers']:,}", library, f"not measured: {one['missing']}", "", "", "", ""])
                continue
            rows.append(
                [f"{found['customers']:,}", library, f"{one['seconds']:.3f}", f"{one['fit_seconds']:.3f}",
                 f"{one['peak_mb']:.0f}", f"{one['purchases_log_likelihood']:,.3f}",
                 f"{one['spend_log_likelihood']:,.3f}"]
            )  # fmt: skip
    return header, rows


def headline(document: dict[str, Any]) -> list[str]:
    """What the figures say, each beside its goal."""
    said, speeds = [], [document[name] for name in ("small", "million") if name in document]
    for found, name, goal in zip(speeds, ("small", "million"), ("small_seconds", "million_seconds"), strict=False):
        retain = found["retain"]
        said.append(
            f"{found['customers']:,} customers: {retain['seconds']:.3f} s (goal: below {GOALS[goal]}), of which the processor worked"
            f" {retain['processor_seconds']:.3f} s"
        )
        if name == "million":
            said.append(f"  {retain['peak_mb']:.0f} MB of the process (goal: below {GOALS['million_mb']})")
    said += [
        f"{found['customers']:,} customers: {found['times_lifetimes']:.0f} x faster than lifetimes (goal: {GOALS['times_lifetimes']})"
        for found in speeds
        if "times_lifetimes" in found
    ]
    for found in speeds:
        best = found["retain"]["purchases_log_likelihood"] + found["retain"]["spend_log_likelihood"]
        for library in peers.PEERS:
            if "purchases" in found.get(library, {}):
                theirs = found[library]["purchases_log_likelihood"] + found[library]["spend_log_likelihood"]
                said.append(
                    f"{found['customers']:,} customers: log-likelihood {best - theirs:+.6f} beside {library} (rounding: 0.000001)"
                )
    for model, shares in document.get("intervals", {}).items():
        held = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        said.append(f"95 % intervals that hold the truth, {model}: {held} (goal: 90 to 99 %)")
    for day in document.get("truth", []):
        said.append(
            f"the demo shop as of {day['as_of_on']}, {day['customers']:,} customers (goals: 0.02, 5 %, 75 to 85 %)"
        )
        for days, one in day["horizons"].items():
            said.append(
                f"  {days:>3} days: calibration error {one['calibration_error']:.4f} ({one['calibration_error_to_truth']:.4f}"
                f" beside the truth), total bias {one['total_bias']:+.1%} ({one['total_bias_to_truth']:+.1%} beside the truth),"
                f" interval coverage {one['interval_coverage']:.1%} (said: {one['interval_promised']:.1%};"
                f" {one['interval_coverage_where_80_is_possible']:.1%} of those with an order likelier than 20 %),"
                f" no order by {one['model']}"
            )
    if "step" in document:
        step = document["step"]
        said.append(
            f"whole forecast step with churn, {step['customers']:,} customers: {step['seconds']:.0f} s"
            f" (goal: below {GOALS['step_seconds']}), {step['peak_mb']:.0f} MB, {step['predictions']:,} predictions written"
        )
    return said
