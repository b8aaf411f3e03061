"""`retain superset` as a person meets it: log in, open every dashboard, find on each chart what the marts say."""

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import yaml
from command_line import chromium, typed, until_interrupted
from dashboard_numbers import NUMBERS
from shop_in_files import CONFIG, rows_of, write_files

from retain.dashboards import DASHBOARDS, FOLDER
from retain.dashboards.files import chart_identity, identity
from retain.embedded import EmbeddedServer, free_port
from retain.superset.surroundings import FILES, LOCK, REPOSITORY, VERSIONS

pytestmark = pytest.mark.browser
PYTHON = next(filter(None, (shutil.which(f"python{major}.{minor}") for major, minor in VERSIONS)), None)
# Channels, regions, consent and graded forecasts, which the other tests of this shop do without.
WITH_MORE = (
    CONFIG.replace("country: country}}}}", "country: country, accepts_marketing: \"'yes'\"}}}}")
    .replace(
        "currency: currency, gross_amount: gross}}",
        "currency: currency, gross_amount: gross, channel: \"case when customer like '%3' then 'app' else 'web' end\", "
        "region: \"case when customer like '%1' then 'Lori' else 'Shirak' end\"}}",
    )
    .replace("min_history_days: 90", "min_history_days: 90\n  backcast_on: [2025-01-31]")
)
# Superset's own page asks for a pixel, and its policy does not let it; a machine may change its network meanwhile.
NOT_OF_THE_PAGE = ("gateway.scarf.sh", "ERR_NETWORK_CHANGED")


class Superset:
    """A running `retain superset`, and its own database."""

    def __init__(self, config: Path, port: int, process: "subprocess.Popen[str]") -> None:
        self.config, self.port, self.process = config, port, process
        self.address = f"http://127.0.0.1:{port}"
        self.state = config.parent / "state"
        self.password = json.loads((self.state / "secrets.json").read_text())["superset_password"]

    def ask(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with psycopg.connect(**EmbeddedServer(self.state).dsn("superset")) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def provision(self, folder: Path) -> str:
        """Bring it to what `folder` holds, as a start of `retain superset` does."""
        parent = psutil.Process(self.process.pid)
        environment = next(child.environ() for child in parent.children() if "gunicorn" in " ".join(child.cmdline()))
        command = [self.state / "superset" / "environment" / "bin" / "python", FILES / "provision.py", folder]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def config() -> Iterator[Path]:
    """A small shop that has been loaded, built and forecast; Superset's environment is installed meanwhile."""
    if PYTHON is None:
        pytest.skip("Superset needs Python 3.11 or 3.12, and neither is on PATH")
    folder = Path(tempfile.mkdtemp(prefix="retain-tests-"))
    folder.chmod(0o755)
    try:
        (folder / "retain.yml").write_text(WITH_MORE.format(warehouse="{folder: state}"))
        write_files(folder)
        with (folder / "web" / "orders.csv").open("a") as file:
            file.write("w9001,c1,2025-06-01T10:15:00Z,paid,EUR,twelve\n")  # something for quarantine
        make = [PYTHON, REPOSITORY / "bin" / "make_environment.py", folder / "state" / "superset" / "environment", LOCK]
        with subprocess.Popen(make, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as making:
            done = typed("run", "--config", str(folder / "retain.yml"))
            assert done.returncode == 0, done.stderr
            said, _ = making.communicate()
        if making.returncode != 0:
            pytest.skip(f"Superset's packages cannot be installed here: {said.strip()[-300:]}")
        yield folder / "retain.yml"
    finally:
        server = EmbeddedServer(folder / "state")
        server.stop("immediate")
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def superset(config) -> Iterator[Superset]:
    port = free_port()
    with until_interrupted("superset", "--port", str(port), "--config", str(config)) as process:
        yield Superset(config, port, process)


@pytest.fixture(scope="module")
def visitor(superset) -> Iterator[Any]:
    """A browser that has logged in; nothing but Superset can be reached from it."""
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1500, "height": 4000})  # charts out of sight are not drawn
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(f"{superset.address}/login/")
        page.locator("#username").fill("admin")
        page.locator("#password").fill(superset.password)
        page.locator("button[type=submit], input[type=submit]").first.click()
        page.wait_for_url("**/superset/welcome/**")
        page.close()
        yield context


class Opened:
    """A dashboard as it was drawn: what each chart was given, what the page complained of and whom else it asked."""

    def __init__(self, superset: Superset, visitor: Any, dashboard: Any) -> None:
        uuids = {chart_identity(dashboard, chart): chart.name for chart in dashboard.charts}
        names = {number: uuids.get(str(uuid)) for number, uuid in superset.ask("select id, uuid from slices")}
        self.data: dict[str, list[dict[str, Any]]] = {}
        self.failures: list[str] = []
        self.complaints: list[str] = []
        self.foreign: list[str] = []

        def take(response: Any) -> None:
            if "/api/v1/chart/data" not in response.url:
                return
            form = json.loads(
                urllib.parse.parse_qs(urllib.parse.urlparse(response.url).query).get("form_data", ["{}"])[0]
            )
            name = names.get(form.get("slice_id"))
            if response.status != 200:
                self.failures.append(f"{name}: {response.text()[:300]}")
            elif name is not None:
                self.data[name] = response.json()["result"][0]["data"]

        page = visitor.new_page()
        page.on("response", take)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("requestfinished", lambda request: self.foreign.append(request.url))
        page.goto(f"{superset.address}/superset/dashboard/{dashboard.name}/")
        deadline = time.monotonic() + 300
        while len(self.data) + len(self.failures) < len(uuids) and time.monotonic() < deadline:
            page.wait_for_timeout(250)
        while page.locator("[data-test=loading-indicator], .loading").count() and time.monotonic() < deadline:
            page.wait_for_timeout(250)  # a function given to the page would be refused by its Content Security Policy
        page.wait_for_timeout(1500)
        self.errors = page.locator(".ant-alert-error, [data-test=error-alert]").all_inner_texts()
        drawn = page.locator(".dashboard-component-chart-holder").count()
        assert drawn, f"{page.title()} shows nothing: {self.failures + self.complaints} {page.inner_text('body')[:500]}"
        holders = "[...document.querySelectorAll('.dashboard-component-chart-holder')]"
        bottom = f"Math.max(...{holders}.map(holder => holder.getBoundingClientRect().bottom))"
        page.set_viewport_size({"width": 1500, "height": int(page.evaluate(bottom)) + 24})
        page.wait_for_timeout(1500)
        page.screenshot(path=superset.config.parent / f"{dashboard.name}.png")
        page.close()
        self.complaints = [words for words in self.complaints if not any(known in words for known in NOT_OF_THE_PAGE)]
        self.foreign = [url for url in self.foreign if not url.startswith((superset.address, "data:", "blob:"))]


@pytest.fixture(scope="module")
def opened(superset, visitor) -> dict[str, Opened]:
    return {dashboard.name: Opened(superset, visitor, dashboard) for dashboard in DASHBOARDS}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_a_dashboard_is_drawn_whole_without_an_error_and_asks_nobody_else(opened, dashboard):
    page = opened[dashboard.name]
    assert page.failures == []
    assert page.data.keys() == {chart.name for chart in dashboard.charts}
    assert (page.errors, page.complaints, page.foreign) == ([], [], [])


@pytest.mark.parametrize(
    ("dashboard", "chart"), [(dashboard, chart) for dashboard in DASHBOARDS for chart in dashboard.charts],
    ids=lambda part: part.name,
)  # fmt: skip
def test_a_chart_shows_the_numbers_of_the_mart(opened, superset, dashboard, chart):
    query = NUMBERS[dashboard.name][chart.name]
    expected = rows_of(superset.config, query)
    columns = list(expected[0]) if expected else []
    shown = opened[dashboard.name].data[chart.name]
    if columns == ["x", "series", "value"]:
        shown = points(shown, chart.options["x_axis"])
    assert expected, "the shop has nothing to compare"
    assert table(shown, columns) == table(expected, columns)


def points(rows: list[dict[str, Any]], x: str) -> list[dict[str, Any]]:
    """A row a line and point, of a row a point with a column a line."""
    return [
        {"x": row[x], "series": name.split(", ")[-1], "value": value}
        for row in rows
        for name, value in row.items()
        if name != x and value is not None
    ]


def table(rows: list[dict[str, Any]], columns: list[str]) -> list[tuple[Any, ...]]:
    """The rows in one order, numbers to six decimals, days as days; a point without a value is no point."""
    plain = [tuple(value_of(row[column]) for column in columns) for row in rows]
    return sorted((row for row in plain if row[-1] is not None), key=str)


def value_of(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > 1e11:  # milliseconds since 1970
        moment = datetime.fromtimestamp(value / 1000, UTC)
        return (
            f"{moment:%Y-%m-%d}"
            if (moment.hour, moment.minute, moment.second) == (0, 0, 0)
            else f"{moment:%Y-%m-%d %H:%M:%S}"
        )
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"{float(value):.6f}"  # the marts write rates with so many
    return value


def test_starting_again_changes_nothing_and_prunes_what_the_folder_no_longer_holds(superset, tmp_path):
    theirs = "11111111-1111-1111-1111-111111111111"
    superset.ask(
        "insert into dashboards (dashboard_title, uuid, is_managed_externally) values ('Mine', %s, false)", (theirs,)
    )
    superset.ask(
        "insert into slices (slice_name, uuid, datasource_type, datasource_id, viz_type, params, is_managed_externally) "
        "select 'Mine too', %s, 'table', id, 'table', '{}', false from tables where table_name = 'forecast_drift'",
        (theirs,),
    )
    everything = (
        "select 'dashboards', id, uuid::text from dashboards union all select 'slices', id, uuid::text from slices "
    )
    everything += (
        "union all select 'tables', id, uuid::text from tables union all select 'dbs', id, uuid::text from dbs"
    )
    before = set(superset.ask(everything))

    smaller = tmp_path / "dashboards"
    shutil.copytree(FOLDER, smaller)
    (smaller / "dashboards" / "trust.yaml").unlink()
    shutil.rmtree(smaller / "charts" / "trust")
    used = {yaml.safe_load(file.read_text())["dataset_uuid"] for file in smaller.glob("charts/*/*.yaml")}
    unused = [file for file in smaller.glob("datasets/*.yaml") if yaml.safe_load(file.read_text())["uuid"] not in used]
    for file in unused:
        file.unlink()
    assert superset.provision(smaller).endswith("that were no longer there removed")

    kept = set(superset.ask(everything))
    assert kept < before
    gone = {uuid for _, _, uuid in before - kept}
    assert identity("dashboard", "trust") in gone
    assert identity("dataset", "load_health") in gone
    assert identity("dataset", "forecast_drift") not in gone, "a chart that somebody made reads it"
    assert theirs not in gone

    assert superset.provision(FOLDER).endswith("files imported")
    after = set(superset.ask(everything))
    assert {(kind, uuid) for kind, _, uuid in after} == {(kind, uuid) for kind, _, uuid in before}
    assert kept <= after, "what was there keeps its number, and so its address"


def test_no_secret_is_in_a_command_line_a_log_or_supersets_own_database(superset):
    secrets = json.loads((superset.state / "secrets.json").read_text()).values()
    family = [psutil.Process(superset.process.pid), *psutil.Process(superset.process.pid).children(recursive=True)]
    said = [" ".join(process.cmdline()) for process in family]
    said += [log.read_text(errors="replace") for log in (superset.state / "logs" / "superset").glob("*.log")]
    said += [str(row) for row in superset.ask("select sqlalchemy_uri, password, extra, encrypted_extra from dbs")]
    assert len(said) > 4
    assert [secret for secret in secrets for words in said if secret in words] == []


def test_a_taken_port_is_said_before_anything_is_started(superset):
    done = typed("superset", "--port", str(superset.port), "--config", str(superset.config))  # fmt: skip
    assert done.returncode == 2
    assert f"Port {superset.port} on 127.0.0.1 is in use" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_stop_ends_every_process(superset):
    family = psutil.Process(superset.process.pid).children(recursive=True)
    assert len(family) >= 2
    superset.process.send_signal(signal.SIGTERM)
    assert superset.process.wait(60) == 0
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    with socket.socket() as one:
        assert one.connect_ex(("127.0.0.1", superset.port)) != 0
