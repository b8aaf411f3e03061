"""An Airflow for the tests, with its metadata in a temporary file, and a small shop in two sources for its DAGs to load."""

import atexit
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from retain.embedded import EmbeddedServer

REPOSITORY = Path(__file__).parents[2]
DAGS = REPOSITORY / "dags"

# Airflow reads these when it is first imported, which is after this file and before any test.
HOME = Path(tempfile.mkdtemp(prefix="retain-airflow-tests-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "AIRFLOW__COSMOS__CACHE_DIR": str(HOME / "cosmos"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONPATH": str(REPOSITORY),
    }
)

CONFIG = """\
business:
  timezone: UTC
  reporting_currency: EUR
warehouse:
  url: {url}
as_of: 2025-06-30
forecast:
  min_customers: 30
  min_history_days: 90
sources:
  - name: web
    type: files
    folder: web
    entities:
      customers: {{files: customers.csv, fields: {{customer_id: id, email: email, country: country}}}}
      products: {{files: products.csv, fields: {{product_id: id, name: name, category: category, unit_cost: cost}}}}
      orders:
        files: orders.csv
        fields: {{order_id: id, customer_id: customer, ordered_at: at, status: status, currency: currency, gross_amount: gross}}
      order_items:
        files: items.csv
        fields: {{order_id: order, line_id: line, product_id: product, quantity: quantity, gross_amount: gross}}
      returns: {{files: returns.csv, fields: {{return_id: id, order_id: order, returned_at: at, amount: amount}}}}
  - name: till
    type: files
    folder: till
    entities:
      orders:
        files: "*.csv"
        fields: {{order_id: id, email: email, ordered_at: at, status: "'paid'", currency: "'EUR'", gross_amount: gross}}
"""


@dataclass(frozen=True)
class Run:
    """How a DAG run ended: its state, the state of every task by its id, the dbt tests that ran in it."""

    state: str
    tasks: dict[str, str]
    dbt_tests: list[str]


@pytest.fixture(scope="session")
def airflow_metadata() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="module")
def make_shop(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a retain.yml over files of its own and a warehouse that nobody has used."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        database = f"dags_{os.getpid()}_{name}"
        server.create_database(database)
        url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**server.dsn(database))
        path = folder / "retain.yml"
        path.write_text(CONFIG.format(url=url))
        write_files(folder)
        return path

    return make


def write_files(folder: Path) -> None:
    """60 customers, their orders of a year and a half on the web and at the till, and two returns."""
    dice = random.Random(20250630)
    customers = [(f"c{n}", f"person{n}@example.com", "AM") for n in range(1, 61)]
    products = [
        ("p1", "Coat", "Outdoor", "40.00"),
        ("p2", "Cap", "Accessories", "4.50"),
        ("p3", "Boots", "Shoes", "30.00"),
    ]
    orders, items, tills = [], [], []
    for customer, email, _ in customers:
        day = date(2024, 1, 1) + timedelta(days=dice.randrange(400))
        while day <= date(2025, 6, 30):
            at, cents = f"{day}T{dice.randrange(9, 20):02}:15:00Z", dice.randrange(900, 20_000)
            if dice.random() < 0.7:
                order = f"w{len(orders) + 1}"
                orders.append((order, customer, at, "paid", "EUR", f"{cents / 100:.2f}"))
                items.append((order, "1", dice.choice(products)[0], "1", f"{cents / 100:.2f}"))
            else:
                tills.append((f"t{len(tills) + 1}", email.upper(), at, f"{cents / 100:.2f}"))
            day += timedelta(days=1 + int(dice.expovariate(1 / 60)))
    returns = [("r1", orders[0][0], orders[0][2], "5.00"), ("r2", orders[9][0], orders[9][2], orders[9][5])]
    write_csv(folder / "web" / "customers.csv", "id,email,country", customers)
    write_csv(folder / "web" / "products.csv", "id,name,category,cost", products)
    write_csv(folder / "web" / "orders.csv", "id,customer,at,status,currency,gross", orders)
    write_csv(folder / "web" / "items.csv", "order,line,product,quantity,gross", items)
    write_csv(folder / "web" / "returns.csv", "id,order,at,amount", returns)
    write_csv(folder / "till" / "till-1.csv", "id,email,at,gross", tills)


def write_csv(path: Path, header: str, rows: Iterable[tuple[str, ...]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])


@pytest.fixture(scope="session")
def run_dags(airflow_metadata: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Run]]:
    """Run DAGs over a retain.yml, one after the other. `instead` is a pattern of tasks that are taken as done."""

    def run(config: Path, *dag_ids: str, instead: str = "") -> dict[str, Run]:
        output = tmp_path_factory.mktemp("runs") / "runs.json"
        environment = {**os.environ, "RETAIN_CONFIG": str(config), **({"INSTEAD": instead} if instead else {})}
        command = [sys.executable, str(Path(__file__).with_name("run_dags.py")), str(output), *dag_ids]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        print(done.stdout, done.stderr)  # pytest shows it where a test fails
        assert done.returncode == 0, done.stderr
        return {dag_id: Run(**run) for dag_id, run in json.loads(output.read_text()).items()}

    return run
