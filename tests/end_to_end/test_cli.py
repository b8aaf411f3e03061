"""The command line as a person uses it: what is printed, where, and with which exit code."""

import csv
import io
import json
import shutil
import signal
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from command_line import begun, typed

from retain.embedded import EmbeddedServer

CONFIG = """\
business:
  name: Small shop
  timezone: Europe/Berlin
  reporting_currency: EUR
as_of: 2025-06-30
warehouse:
  folder: state
sources:
  - name: shop
    type: files
    folder: files
    entities:
      customers:
        files: "customers*.csv"
        fields: {customer_id: id, email: email}
      orders:
        files: "orders*.csv"
        fields: {order_id: id, customer_id: customer, ordered_at: at, gross_amount: amount}
        defaults: {status: paid, currency: EUR, channel: web}
"""


@pytest.fixture(scope="module")
def shop():
    """A folder with a retain.yml, a month of orders, and a warehouse in which `retain run` has been run once."""
    folder = Path(tempfile.mkdtemp(prefix="retain-tests-"))
    folder.chmod(0o755)
    (folder / "files").mkdir()
    (folder / "retain.yml").write_text(CONFIG)
    customers = [f"c{n},person{n}@example.org" for n in range(40)]
    orders = [
        f"o{n}-{k},c{n},2025-{1 + (n + 2 * k) % 6:02}-{1 + (7 * n + k) % 28:02} 12:00,{10 + n}.50"
        for n in range(40)
        for k in range(1 + n % 4)
    ]
    (folder / "files" / "customers.csv").write_text("\n".join(["id,email", *customers]) + "\n")
    (folder / "files" / "orders.csv").write_text(
        "\n".join(["id,customer,at,amount", *orders, "bad,c1,2025-02-31,9.00"]) + "\n"
    )
    first = typed("run", "--config", str(folder / "retain.yml"))
    yield folder, first, len(orders)
    server = EmbeddedServer(folder / "state")
    server.stop("immediate")
    shutil.rmtree(server.home, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def test_run_loads_builds_forecasts_draws_and_says_where_to_look(shop):
    folder, first, _ = shop
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Traceback" not in first.stdout + first.stderr
    for words in ("Small shop, as of 2025-06-30", "published", "Where to look", str(folder / "state" / "report")):
        assert words in first.stdout
    assert (folder / "state" / "report" / "retain.html").stat().st_size > 10_000
    assert f"bin/retain stop --config {folder / 'retain.yml'}" in first.stdout  # it was run from another folder


def test_marts_of_another_day_are_not_forecast_from(shop):
    folder, _, _ = shop
    later = folder / "later.yml"
    later.write_text(CONFIG.replace("as_of: 2025-06-30", "as_of: 2025-08-31"))
    done = typed("forecast", "--config", str(later))
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert "The marts are as of 2025-06-30, and the forecast is to be as of 2025-08-31" in said
    assert "`retain build` brings the marts to that day" in said


def test_query_prints_a_table_csv_and_json_with_the_same_figures(shop):
    folder, _, orders = shop
    ask = ["query", "select orders, net_amount from marts.key_figures", "--config", str(folder / "retain.yml")]
    table, text, document = (typed(*ask, "--format", form).stdout for form in ("table", "csv", "json"))
    (row,) = json.loads(document)
    assert row["orders"] == orders
    (line,) = csv.DictReader(io.StringIO(text))
    assert line == {"orders": str(orders), "net_amount": f"{row['net_amount']:.2f}"}
    assert line["net_amount"] in table


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("select * from raw.orders", "may only read the schema marts"),
        ("select nothing from marts.key_figures", 'column "nothing" does not exist'),
        ("drop table marts.key_figures", "may"),
        ("selec 1", "syntax error"),
        ("select 'infinity'::date", "cannot be run: date too large"),
        ("copy marts.key_figures to stdout", "cannot be run: COPY"),
        ("select \udcff", "invalid byte sequence"),
        ("set statement_timeout = 50; select pg_sleep(5)", "five minutes"),
    ],
)
def test_a_query_that_may_not_run_is_a_sentence(shop, statement, words):
    answer = typed("query", statement, "--config", str(shop[0] / "retain.yml"))
    assert answer.returncode == 2
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "rollback" not in answer.stderr


def test_ctrl_c_in_the_middle_is_a_sentence_and_never_exit_code_0(shop):
    state = shop[0] / "state"
    command = ("query", "select pg_sleep(60)", "--config", str(shop[0] / "retain.yml"))
    with begun(*command) as asking, psycopg.connect(**EmbeddedServer(state).dsn(), autocommit=True) as connection:
        while not connection.execute(
            "select 1 from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'"
        ).fetchone():
            assert asking.poll() is None
        asking.send_signal(signal.SIGINT)
        said = asking.communicate(timeout=30)[1]
    assert asking.returncode == 130
    assert said.startswith("Stopped.")
    assert "Traceback" not in said


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_reader_who_leaves_early_is_no_failure(shop, form):
    rows = "select n, repeat('x', 80) from generate_series(1, 20000) as n"
    with begun("query", rows, "--format", form, "--config", str(shop[0] / "retain.yml")) as asking:
        assert asking.stdout.readline()
        asking.stdout.close()
        assert asking.stderr.read() == ""
        assert asking.wait(30) == 0


def test_a_locale_without_the_characters_that_are_printed_is_no_failure(shop):
    answer = typed("loads", "show", "1", "--config", str(shop[0] / "retain.yml"), PYTHONIOENCODING="ascii")
    assert answer.returncode == 0, answer.stderr
    assert "✓" in answer.stdout


def test_status_loads_and_quarantine_say_what_waits_and_why(shop):
    config = ("--config", str(shop[0] / "retain.yml"))
    said = typed("status", *config).stdout
    assert "shop    orders" in said
    assert "refused" not in said
    assert "shop" in typed("loads", *config).stdout
    assert "ordered_at is not a moment that exists" in typed("quarantine", *config).stdout
    shown = typed("quarantine", "show", "1", *config).stdout
    assert "2025-02-31" in shown
    assert "orders.csv" in shown
    assert "ordered_at_casts" in typed("loads", "show", "2", *config).stdout
    for command in (
        ("loads", "--limit", "-1"),
        ("quarantine", "list", "--limit", "0"),
        ("quarantine", "list", "--source", "shopp"),
        ("quarantine", "list", "--entity", "order"),
        ("identity", "revert", "9" * 20, "--reason", "none"),
        ("load", "--source", "shop", "--entity", "tickets"),
        ("load", "--source", "shopp"),
    ):
        answer = typed(*command, *config)
        assert answer.returncode == 2, command
        assert "fault" not in answer.stderr
    for command in (("loads", "show", "999"), ("quarantine", "show", "999")):
        answer = typed(*command, *config)
        assert answer.returncode == 2
        assert "There is no" in answer.stderr


def test_times_are_the_shops_own_and_a_narrow_terminal_gets_a_line_a_load(shop):
    with psycopg.connect(**EmbeddedServer(shop[0] / "state").dsn()) as connection:
        loads = connection.execute("select source, entity, status, started_at from ops.loads").fetchall()
    config = ("--config", str(shop[0] / "retain.yml"))
    narrow = typed("loads", *config, COLUMNS="80").stdout.splitlines()
    for source, entity, status, started in loads:
        at = f"{started.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M}"
        assert at in typed("loads", *config).stdout
        assert any(line.split()[1:6] == [source, entity, status, *at.split()] for line in narrow)
    assert max(map(len, narrow)) <= 80


def test_a_source_that_cannot_be_read_fails_alone_with_exit_code_1(shop):
    folder = shop[0]
    (folder / "files" / "orders-2.csv").write_text("id;customer;at;amount\nx;c1;2025-01-01;1\n")
    try:
        answer = typed("load", "--config", str(folder / "retain.yml"))
    finally:
        (folder / "files" / "orders-2.csv").unlink()
    assert answer.returncode == 1, answer.stdout
    assert "orders-2.csv" in answer.stdout
    assert answer.stderr == ""
    assert "customers" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr


def test_a_wrong_configuration_is_refused_with_line_and_exit_code_2(tmp_path):
    (tmp_path / "retain.yml").write_text(
        CONFIG.replace("Europe/Berlin", "Europe/Berlyn").replace("gross_amount:", "gross:")
    )
    answer = typed("run", cwd=str(tmp_path), RETAIN_CONFIG="")
    assert answer.returncode == 2
    assert "retain.yml:3" in answer.stderr
    assert "Europe/Berlin" in answer.stderr
    assert not (tmp_path / "state").exists()


def test_a_server_out_of_reach_is_exit_code_3_and_keeps_the_password_to_itself(tmp_path):
    config = CONFIG.replace("  folder: state", "  url: postgresql://someone:topsecret@127.0.0.1:9/db")
    (tmp_path / "retain.yml").write_text(config)
    answer = typed("run", cwd=str(tmp_path), RETAIN_CONFIG="")
    assert answer.returncode == 3
    assert "127.0.0.1:9/db cannot be reached" in answer.stderr
    assert "topsecret" not in answer.stdout + answer.stderr


def test_a_folder_without_configuration_says_what_to_do(tmp_path):
    answer = typed("status", "--config", str(tmp_path / "nothing.yml"))
    assert answer.returncode == 2
    assert "nothing.yml" in answer.stderr


def test_a_server_is_stopped_also_with_a_retain_yml_that_has_become_wrong(shop):
    folder, _, _ = shop
    wrong = folder / "wrong.yml"
    wrong.write_text(CONFIG.replace("type: files", "type: fils") + "        where: ${NOT_SET}\n")
    assert typed("status", "--config", str(folder / "retain.yml")).returncode == 0
    assert typed("status", "--config", str(wrong)).returncode == 2
    for said in ("Stopped.", "It was not running."):
        answer = typed("stop", "--config", str(wrong))
        assert (answer.returncode, answer.stdout.strip(), answer.stderr) == (0, said, "")
    wrong.write_text(CONFIG.replace("folder: state", "url: [1]"))
    answer = typed("stop", "--config", str(wrong))
    assert answer.returncode == 2
    assert "wrong.yml:7" in answer.stderr


def test_help_lists_every_command_and_the_exit_codes():
    answer = typed("--help")
    assert answer.returncode == 0
    daily, inside = (
        ("demo", "run", "load", "build", "forecast", "report", "win-back"),
        ("query", "loads", "quarantine", "identity", "status"),
    )
    for word in (*daily, *inside, "airflow", "stop", "test"):
        assert f" {word} " in answer.stdout
    assert "Exit codes: 0 done" in answer.stdout
