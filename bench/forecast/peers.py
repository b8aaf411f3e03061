"""Other libraries on the same customers: each in an environment and a process of its own, made by uv when it can be."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from uv import find_uv_bin

LIFETIMES = ("lifetimes==0.11.3", "pandas<2", "numpy<1.24", "scipy<1.11", "autograd<1.6")
PYMC = ("pymc-marketing==0.19.2", "arviz<0.23")
SLOWEST_INSTALL, SLOWEST_FIT = 600, 900  # seconds

RUN_LIFETIMES = """
import json, resource, sys, time
import numpy as np
from lifetimes import BetaGeoFitter, GammaGammaFitter
d = np.load(sys.argv[1])
x, t_x, t, spend = d["x"], d["t_x"], d["t"], d["spend"]
started = time.perf_counter()
bg = BetaGeoFitter().fit(x, t_x, t)
again = x > 0
gg = GammaGammaFitter().fit(x[again], spend[again])
fitted = time.perf_counter()
bg.conditional_expected_number_of_purchases_up_to_time(39.0, x, t_x, t)
bg.conditional_probability_alive(x, t_x, t)
gg.conditional_expected_average_profit(x, spend)
ended = time.perf_counter()
print(json.dumps({
    "seconds": ended - started, "fit_seconds": fitted - started,
    "purchases": [float(bg.params_[name]) for name in ("r", "alpha", "a", "b")],
    "spend": [float(gg.params_[name]) for name in ("p", "q", "v")],
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""
RUN_PYMC = """
import json, resource, sys, time
import numpy as np, pandas as pd
from pymc_marketing.clv import BetaGeoModel, GammaGammaModel
d = np.load(sys.argv[1])
x, t_x, t, spend = d["x"], d["t_x"], d["t"], d["spend"]
data = pd.DataFrame({"customer_id": np.arange(len(x)), "frequency": x, "recency": t_x, "T": t, "monetary_value": spend})
started = time.perf_counter()
bg = BetaGeoModel(data=data[["customer_id", "frequency", "recency", "T"]])
bg.fit(method="map", progressbar=False)
gg = GammaGammaModel(data=data[data.frequency > 0][["customer_id", "frequency", "monetary_value"]])
gg.fit(method="map", progressbar=False)
fitted = time.perf_counter()
print(json.dumps({
    "seconds": fitted - started, "fit_seconds": fitted - started,
    "purchases": [float(bg.fit_result[name].values.ravel()[0]) for name in ("r", "alpha", "a", "b")],
    "spend": [float(gg.fit_result[name].values.ravel()[0]) for name in ("p", "q", "v")],
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""
PEERS = {"lifetimes": (LIFETIMES, RUN_LIFETIMES), "pymc-marketing MAP": (PYMC, RUN_PYMC)}


def measure(name: str, folder: Path, data: Path) -> dict[str, Any]:
    """Seconds, parameters and memory of one library on the customers in `data` (npz); or `missing`: why it could not
    be measured. Its environment stays in `folder` for the next time."""
    requirements, program = PEERS[name]
    home = folder / name.split()[0]
    python = home / "bin" / "python"
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    clean |= {"PYTENSOR_FLAGS": f"base_compiledir={home}-compiled", "OMP_NUM_THREADS": "2"}
    try:
        if not (home / "installed").exists():
            uv = find_uv_bin()
            _run([uv, "venv", "--quiet", "--clear", "--python", "3.11", str(home)], SLOWEST_INSTALL, clean)
            install = [uv, "pip", "install", "--quiet", "--python", str(python), *requirements]
            _run(install, SLOWEST_INSTALL, clean)
            (home / "installed").write_text("\n".join(requirements))
        started = time.perf_counter()
        said = _run([str(python), "-W", "ignore", "-c", program, str(data)], SLOWEST_FIT, clean)
    except (RuntimeError, OSError) as error:
        return {"missing": str(error)}
    measured: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return measured | {"with_import_seconds": time.perf_counter() - started}


def _run(command: list[str], seconds: int, environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{Path(command[0]).name} was not done after {seconds} seconds") from None
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        raise RuntimeError(f"{Path(command[0]).name}: {lines[-1] if lines else 'ended without a word'}")
    return done.stdout


def write(path: Path, columns: dict[str, np.ndarray]) -> None:
    np.savez(path, **columns)  # type: ignore[arg-type]
