"""A forecast on a real warehouse: what is read, what is written, and that nothing is written twice."""

import io
from datetime import date
from uuid import UUID

import numpy as np
import psycopg
import pytest
from rich.console import Console

from retain import warehouse
from retain.config import load_settings
from retain.errors import UserError
from retain.forecast import MartsOfAnotherDay, refuse_another_day, render, run_forecast
from retain.forecast.explaining import explain_customer, show_explanation
from retain.forecast.reading import day_number, read_occasions

SOURCES = """
  - name: till
    type: files
    folder: .
    entities:
      orders:
        files: orders.csv
        fields: {order_id: id, ordered_at: day, gross_amount: amount}
        defaults: {status: paid, currency: EUR}
"""
CDNOW = "as_of: 1998-06-30\nforecast:\n  backcast_on: [1997-09-30]\n"


@pytest.fixture
def shop(write_config):
    """A prepared warehouse with an empty table of occasions: (settings of a given as_of, connection)."""

    def settings(extra):
        return load_settings(write_config(SOURCES, extra=extra))

    first = settings("as_of: 2000-01-01\n")
    warehouse.prepare(first)
    with warehouse.connect(first, autocommit=True) as connection:
        connection.execute(
            "create table intermediate.int_purchase_occasions"
            " (customer_key uuid, occasion_on date, net_amount numeric(18, 2), first_channel text)"
        )
        connection.execute(
            "create table intermediate.int_orders"
            " (order_key uuid, customer_key uuid, ordered_on date, is_valid boolean not null default true)"
        )
        connection.execute(
            "create table intermediate.int_returns (order_key uuid, returned_on date, reporting_amount numeric(18, 2))"
        )
        yield settings, connection


def fill(connection, occasions, *, day_0=date(1970, 1, 1)):
    """Write occasions back to front, so that nothing depends on the order of rows."""
    with connection.cursor() as cursor, cursor.copy("copy intermediate.int_purchase_occasions from stdin") as copy:
        for row in range(len(occasions.day) - 1, -1, -1):
            key = UUID(bytes=occasions.keys[occasions.customer[row]].tobytes())
            on = date.fromordinal(day_0.toordinal() + int(occasions.day[row]))
            copy.write_row((key, on, f"{occasions.cents[row] / 100:.2f}", None))


def ledger(connection):
    models = connection.execute("select * from forecast.models order by 1, 2, 3").fetchall()
    predictions = connection.execute("select * from forecast.predictions order by 1, 2, 3, 4, 5").fetchall()
    return models, predictions


def printed(result, width=80):
    screen = Console(width=width, file=io.StringIO())
    render(result, screen)
    return screen.file.getvalue()


def test_occasions_come_out_as_they_are_in_the_warehouse(shop, cdnow):
    _, connection = shop
    fill(connection, cdnow)
    read = read_occasions(connection, date(1998, 6, 30))
    assert (read.keys == cdnow.keys).all()
    assert (read.customer == cdnow.customer).all()
    assert (read.day == cdnow.day).all()
    assert (read.cents == cdnow.cents).all()
    assert read_occasions(connection, date(1997, 9, 30)).day.max() <= day_number(date(1997, 9, 30))


def test_a_person_sees_the_published_figures_of_cdnow(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    text = printed(run_forecast(connection, settings(CDNOW)))
    for figure in ("r 0.24259", "α 4.41360", "a 0.79292", "b 2.4259", "-9582.429", "r 0.524843", "a 0.891359", "b 1.61400",
                   "-9582.136", "p 6.25", "q 3.74", "γ 15.44", "-4055.918", "0.626", "4,160.6", "4,339", "1,882"):  # fmt: skip
        assert figure in text
    assert "…" not in text  # nothing is cut off on a screen of 80 columns
    assert max(map(len, text.splitlines())) <= 80


def test_predictions_are_written_once_and_the_second_run_changes_nothing(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    first = run_forecast(connection, settings(CDNOW))
    written = ledger(connection)
    second = run_forecast(connection, settings(CDNOW))
    assert first.is_new
    assert first.predictions == 4 * 2357 == len(written[1])
    assert not second.is_new
    assert ledger(connection) == written
    assert (second.version, second.model, second.totals, second.models) == (
        first.version, first.model, first.totals, first.models,
    )  # fmt: skip
    assert {model.card.model for model in second.backcasts if model.grades} == {
        "bg_nbd", "pareto_nbd", "mbg_nbd", "same_rate_as_before",
    }  # fmt: skip


def test_the_ledger_holds_what_was_predicted_to_the_cent(shop, cdnow):
    from retain.forecast.forecaster import ForecastOptions, make_forecaster

    settings, connection = shop
    fill(connection, cdnow)
    run_forecast(connection, settings(CDNOW))
    forecaster = make_forecaster(cdnow, day_number(date(1998, 6, 30)), ForecastOptions())
    for prediction in forecaster.predictions():
        rows = connection.execute(
            "select p_alive, expected_occasions, p_no_order_by_purchases, expected_spend, predicted_value, predicted_value_low,"
            " predicted_value_high, discounted_value, is_predictable, not_predictable_reason, interval_holds"
            " from forecast.predictions where horizon_days = %s order by customer_key",
            [prediction.days],
        ).fetchall()
        columns = list(zip(*rows, strict=True))
        exact = (prediction.p_alive, prediction.expected_occasions, prediction.p_no_order)
        for stored, said in zip(columns[:3], exact, strict=True):
            assert list(stored) == list(said)
        assert [f"{value:.4f}" for value in columns[3]] == [str(value) for value in columns[3]]
        money = (prediction.value, prediction.low, prediction.high, prediction.discounted)
        for stored, said in zip(columns[4:8], money, strict=True):
            assert np.array(stored, dtype=float) == pytest.approx(said, abs=0.005001)
            assert all(value.as_tuple().exponent == -2 for value in stored)
        assert all(row[4] >= row[5] and row[4] <= row[6] for row in rows)
        assert set(columns[8]) == {True}
        assert set(columns[9]) == {None}
        assert np.array(columns[10]) == pytest.approx(prediction.interval_holds, abs=1e-6)


def test_one_changed_amount_is_a_new_version_and_the_old_one_stays(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    before = run_forecast(connection, settings(CDNOW))
    change = "update intermediate.int_purchase_occasions set net_amount = net_amount + %s where customer_key = %s and occasion_on = %s"
    row = connection.execute(
        "select customer_key, occasion_on from intermediate.int_purchase_occasions order by 1, 2 limit 1"
    ).fetchone()
    connection.execute(change, [1, *row])
    after = run_forecast(connection, settings(CDNOW))
    connection.execute(change, [-1, *row])
    back = run_forecast(connection, settings(CDNOW))
    assert len({before.version, after.version, back.version}) == 3
    newest = connection.execute(
        "select version from forecast.models where purpose = 'current' order by fitted_at desc limit 1"
    ).fetchone()[0]
    assert newest == back.version  # readers take the newest: it must be that of the data as they are
    assert back.totals == before.totals
    for table, columns in (
        (
            "predictions",
            "customer_key, horizon_days, p_no_order::text, predicted_value, predicted_value_high, risk_model",
        ),
        ("reasons", "customer_key, driver_1, driver_2, driver_3"),
        ("promotions", "role, model, reason, parameters::text, artifact"),
        ("drift", "kind, name, stability_index"),
    ):
        first, again = (
            connection.execute(f"select {columns} from forecast.{table} where version = %s order by 1, 2", [version])
            for version in (before.version, back.version)
        )
        assert first.fetchall() == again.fetchall(), table  # the same data and seed, the same bytes
    assert not run_forecast(connection, settings(CDNOW)).is_new
    assert len(ledger(connection)[1]) == 3 * 4 * 2357


def test_a_failure_while_writing_leaves_no_half_forecast(shop, cdnow, monkeypatch):
    from retain.forecast import ledger as module

    settings, connection = shop
    fill(connection, cdnow)
    monkeypatch.setattr(module.binary, "TRAILER", b"\x00\x07")  # the server finds the stream broken at its end
    with pytest.raises(psycopg.errors.BadCopyFileFormat):
        run_forecast(connection, settings(CDNOW))
    assert ledger(connection) == ([], [])


def test_a_small_shop_is_published_as_not_predictable_with_the_reason(shop, simulate):
    settings, connection = shop
    fill(connection, simulate(50, 400), day_0=date(2000, 1, 1))
    result = run_forecast(connection, settings("as_of: 2001-02-03\n"))
    assert result.model == "same_rate_as_before"
    reasons = connection.execute(
        "select distinct is_predictable, p_alive, not_predictable_reason from forecast.predictions"
    ).fetchall()
    assert reasons == [(False, None, "only 50 customers have bought so far; 300 are needed (forecast.min_customers)")]
    assert "Not predictable: only 50 customers" in printed(result)


def test_a_shop_without_purchases_forecasts_nothing_and_says_so(shop):
    settings, connection = shop
    result = run_forecast(connection, settings(CDNOW))
    assert ledger(connection) == ([], [])
    assert result.summary == "no purchases yet, so nothing to forecast"
    assert "Nobody has bought yet" in printed(result)


def test_a_shop_that_was_never_built_is_told_what_to_do(shop):
    settings, connection = shop
    connection.execute("drop table intermediate.int_purchase_occasions")
    with pytest.raises(UserError, match="int_purchase_occasions does not exist"):
        run_forecast(connection, settings(CDNOW))


def test_marts_of_another_day_are_not_forecast_from(shop):
    _, connection = shop
    with pytest.raises(UserError, match="have not been built yet"):
        refuse_another_day(connection, date(2025, 1, 1))
    connection.execute("create table intermediate.util_periods (counted_until_on date)")
    refuse_another_day(connection, date(2025, 1, 1))  # nobody has bought yet
    connection.execute("insert into intermediate.util_periods values ('2024-12-30'), ('2025-01-02')")
    refuse_another_day(connection, date(2025, 1, 1))
    for day in (date(2024, 12, 31), date(2025, 1, 2)):
        with pytest.raises(MartsOfAnotherDay, match="The marts are as of 2025-01-01"):
            refuse_another_day(connection, day)


def test_a_back_cast_before_the_first_purchase_is_refused(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    with pytest.raises(UserError, match="1996-12-31 is before 1997-01-01, the day of the first purchase"):
        run_forecast(connection, settings("as_of: 1998-06-30\nforecast:\n  backcast_on: [1997-09-30, 1996-12-31]\n"))
    assert ledger(connection) == ([], [])


def test_a_back_cast_without_a_day_after_it_is_refused(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    with pytest.raises(UserError, match="1998-06-30 is not before 1998-06-30"):
        run_forecast(connection, settings("as_of: 1998-06-30\nforecast:\n  backcast_on: [1998-06-30]\n"))
    assert ledger(connection) == ([], [])


def test_predictions_are_graded_when_their_horizon_has_closed(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    first = run_forecast(connection, settings("as_of: 1997-12-31\n"))
    assert first.graded == 0
    later = run_forecast(connection, settings("as_of: 1998-04-05\n"))
    assert later.graded == 2  # the 30 and the 90 days after 1997-12-31
    outcomes = connection.execute(
        "select horizon_days, count(*), sum(occasions) from forecast.outcomes group by 1 order by 1"
    ).fetchall()
    bought = connection.execute(
        "select count(*) from intermediate.int_purchase_occasions"
        " where occasion_on > date '1997-12-31' and occasion_on <= date '1997-12-31' + 90"
    ).fetchone()[0]
    assert [(days, customers) for days, customers, _ in outcomes] == [(30, 2357), (90, 2357)]
    assert outcomes[1][2] == bought
    rows = connection.execute(
        "select target, model, customers, expected, observed, auc, brier_score from forecast.grades"
        " where purpose = 'current' and horizon_days = 90 and band = 0 and version = %s",
        [first.version],
    ).fetchall()
    graded = {(row[0], row[1]): row for row in rows}
    assert {"recency_only", "same_rate_as_before", "nobody_returns"} <= {model for _, model in graded}
    assert graded["no_order", "nobody_returns"][3] == pytest.approx(1, abs=1e-5)
    silent = connection.execute(
        "select avg((occasions = 0)::int)::float8 from forecast.outcomes where horizon_days = 90"
    ).fetchone()[0]
    assert {row[4] for key, row in graded.items() if key[0] == "no_order"} == {round(silent, 6)}
    promised, said = connection.execute(
        "select (select interval_promised from forecast.grades where target = 'value' and band = 0 and is_published"
        " and horizon_days = 90 and version = %(version)s and as_of_on = '1997-12-31'),"
        " (select avg(interval_holds) from forecast.predictions where horizon_days = 90 and version = %(version)s)",
        {"version": first.version},
    ).fetchone()
    assert promised == pytest.approx(said, abs=1e-5)
    assert promised > 0.85
    again = run_forecast(connection, settings("as_of: 1998-04-05\n"))
    assert again.graded == 0
    assert "2 earlier forecasts have come due and were graded" in printed(later, 200)


def test_who_has_no_history_any_more_takes_no_baseline_away(shop, cdnow):
    """All orders of one came back, another is somebody else's by now: the naive rules expect nothing of them."""
    settings, connection = shop
    fill(connection, cdnow)
    first = run_forecast(connection, settings("as_of: 1997-12-31\n"))
    one, another, other = (
        row[0]
        for row in connection.execute(
            "select customer_key from intermediate.int_purchase_occasions group by 1"
            " having count(*) filter (where occasion_on > '1997-12-31' and occasion_on <= '1998-01-30') = 1 and count(*) > 3"
            " order by 1 limit 3"
        ).fetchall()
    )
    bought = connection.execute(
        "select sum(net_amount) from intermediate.int_purchase_occasions"
        " where occasion_on > '1997-12-31' and occasion_on <= '1998-01-30' and customer_key <> %s",
        [one],
    ).fetchone()[0]
    connection.execute("delete from intermediate.int_purchase_occasions where customer_key = %s", [one])
    connection.execute(
        "update intermediate.int_purchase_occasions set customer_key = %s, occasion_on = occasion_on + 1 where customer_key = %s",
        [other, another],
    )
    run_forecast(connection, settings("as_of: 1998-02-15\n"))
    rows = connection.execute(
        "select model, customers, expected, observed from forecast.grades where version = %s and target = 'value' and band = 0",
        [first.version],
    ).fetchall()
    graded = {row[0]: row[1:] for row in rows}
    assert set(graded) == {first.model, "recency_only", "same_rate_as_before", "nobody_returns"}
    assert {row[0] for row in graded.values()} == {2357}
    assert {round(row[2], 2) for row in graded.values()} == {float(bought)}
    assert graded["nobody_returns"][1] == 0


def test_an_outcome_is_what_was_known_when_the_horizon_closed_whenever_it_is_graded(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    first = run_forecast(connection, settings("as_of: 1997-12-31\n"))
    key, on = connection.execute(
        "select customer_key, occasion_on from intermediate.int_purchase_occasions"
        " where occasion_on between '1998-01-01' and '1998-01-30' and net_amount > 10 order by 1, 2 limit 1"
    ).fetchone()
    order = UUID(int=7)
    connection.execute("insert into intermediate.int_orders values (%s, %s, %s)", [order, key, on])
    for day, amount in (("1998-01-30", 1), ("1998-01-31", 2), ("1998-02-15", 3)):  # the first is in time
        connection.execute("insert into intermediate.int_returns values (%s, %s, %s)", [order, day, amount])
    connection.execute(
        "update intermediate.int_purchase_occasions set net_amount = net_amount - 6 where customer_key = %s and occasion_on = %s",
        [key, on],
    )
    run_forecast(connection, settings("as_of: 1998-02-28\n"))
    was = connection.execute(
        "select sum(net_amount) from intermediate.int_purchase_occasions"
        " where occasion_on between '1998-01-01' and '1998-01-30'"
    ).fetchone()[0]
    outcomes = connection.execute("select sum(net_amount) from forecast.outcomes where horizon_days = 30").fetchone()[0]
    assert outcomes == was + 5
    observed = connection.execute(
        "select distinct round(observed::numeric, 2) from forecast.grades"
        " where version = %s and target = 'value' and band = 0 and horizon_days = 30",
        [first.version],
    ).fetchall()
    assert observed == [(outcomes,)]


def test_a_day_whose_predictions_were_forgotten_can_be_forecast_again(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    past = settings("as_of: 1997-05-15\nforecast: {min_history_days: 60}\n")
    first = run_forecast(connection, past)
    run_forecast(connection, settings("as_of: 1998-06-30\nforecast: {keep_days: 400}\n"))
    again = run_forecast(connection, past)
    assert again.is_new
    assert (again.predictions, again.totals, again.model) == (first.predictions, first.totals, first.model)
    assert not run_forecast(connection, past).is_new


def test_graded_predictions_are_forgotten_after_the_configured_days_and_their_grades_stay(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    days = ("1997-05-15", "1997-06-20", "1998-06-30")
    for day in days[:2]:
        run_forecast(connection, settings(f"as_of: {day}\nforecast: {{min_history_days: 60}}\n"))

    def kept(table):
        return connection.execute(
            f"select array_agg(distinct as_of_on::text order by as_of_on::text) from forecast.{table}"
        ).fetchone()[0]

    run_forecast(connection, settings(f"as_of: {days[2]}\n"))
    assert kept("predictions") == list(days)
    assert kept("outcomes") == list(days[:2])
    grades = connection.execute("select count(*) from forecast.grades").fetchone()
    run_forecast(connection, settings(f"as_of: {days[2]}\nforecast: {{keep_days: 400}}\n"))
    assert kept("predictions") == list(days[1:])  # the second is 375 days old
    assert kept("outcomes") == [days[1]]
    assert days[0] not in (kept("reasons") or [])
    assert connection.execute("select count(*) from forecast.grades").fetchone() == grades
    again = run_forecast(connection, settings(f"as_of: {days[2]}\nforecast: {{keep_days: 400}}\n"))
    assert (again.is_new, again.graded) == (False, 0)


def test_a_first_installation_grades_itself_by_back_casting(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    run_forecast(connection, settings("as_of: 1998-06-30\n"))
    days = connection.execute(
        "select as_of_on, array_agg(distinct horizon_days order by horizon_days) from forecast.grades"
        " where purpose = 'backcast' group by 1 order by 1"
    ).fetchall()
    assert days == [(date(1997, 6, 30), [30, 90, 180, 365]), (date(1998, 1, 1), [30, 90, 180])]
    before = connection.execute("select count(*) from forecast.grades").fetchone()
    run_forecast(connection, settings("as_of: 1998-06-29\n"))
    assert connection.execute("select count(*) from forecast.grades").fetchone() == before


def test_reasons_drift_and_decisions_are_in_the_ledger(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    result = run_forecast(connection, settings(CDNOW))
    at_risk, with_reasons = connection.execute(
        "select count(*), count(reasons.customer_key) from forecast.predictions left join forecast.reasons"
        " using (as_of_on, version, customer_key) where horizon_days = 90 and p_no_order >= 0.5"
    ).fetchone()
    assert at_risk == with_reasons > 1_000
    assert connection.execute("select count(*) from forecast.reasons").fetchone()[0] == at_risk
    driver = connection.execute("select driver_1 from forecast.reasons order by customer_key limit 1").fetchone()[0]
    assert driver.endswith(("(raises the risk)", "(lowers the risk)"))
    kinds = dict(connection.execute("select kind, count(*) from forecast.drift group by 1").fetchall())
    assert kinds["input"] == 7
    roles = {role for role, _, _ in result.decisions}
    assert roles == {"purchases", "no_order_30", "no_order_90", "no_order_180"}
    rises = connection.execute(
        "select count(*) from forecast.predictions as one join forecast.predictions as other using (version, customer_key)"
        " where one.horizon_days < other.horizon_days and one.p_no_order < other.p_no_order"
    ).fetchone()[0]
    assert rises == 0  # a longer silence is never likelier


def test_a_customer_is_explained_from_the_ledger(shop, cdnow):
    settings, connection = shop
    fill(connection, cdnow)
    run_forecast(connection, settings(CDNOW))
    key, driver = connection.execute(
        "select customer_key, driver_1 from forecast.reasons order by customer_key limit 1"
    ).fetchone()
    said = explain_customer(connection, str(key), date(1998, 6, 30))
    assert said.reasons[0] == driver
    screen = Console(width=80, file=io.StringIO())
    show_explanation(said, "USD", screen)
    text = screen.file.getvalue()
    assert f"1. {driver}" in " ".join(text.split())
    assert "for no order in 90 days" in text
    assert max(map(len, text.splitlines())) <= 80
    safe = connection.execute(
        "select customer_key from forecast.predictions where horizon_days = 90 and p_no_order < 0.5 limit 1"
    ).fetchone()[0]
    show_explanation(explain_customer(connection, str(safe), date(1998, 6, 30)), "USD", screen)
    assert "Not at risk" in screen.file.getvalue()


def test_a_customer_who_cannot_be_explained_is_told_why(shop, cdnow):
    settings, connection = shop
    with pytest.raises(UserError, match="No forecast has been made as of 1998-06-30"):
        explain_customer(connection, str(UUID(int=1)), date(1998, 6, 30))
    fill(connection, cdnow)
    run_forecast(connection, settings(CDNOW))
    with pytest.raises(UserError, match="is no customer_key"):
        explain_customer(connection, "Anna", date(1998, 6, 30))
    with pytest.raises(UserError, match="is not in the forecast of 1998-06-30"):
        explain_customer(connection, str(UUID(int=2**100)), date(1998, 6, 30))


def test_what_came_back_later_was_not_known_before(shop, cdnow):
    _, connection = shop
    fill(connection, cdnow)
    key, on = connection.execute(
        "select customer_key, occasion_on from intermediate.int_purchase_occasions order by 1, 2 limit 1"
    ).fetchone()
    order = UUID(int=7)
    connection.execute("insert into intermediate.int_orders values (%s, %s, %s)", [order, key, on])
    connection.execute("insert into intermediate.int_returns values (%s, '1998-05-01', 4.25)", [order])
    read = read_occasions(connection, date(1998, 6, 30))
    assert (read.returned.row.tolist(), read.returned.cents.tolist()) == ([0], [425])
    assert read.net_at(day_number(date(1998, 4, 30)))[0] == read.cents[0] + 425
    assert len(read_occasions(connection, date(1998, 4, 30)).returned.row) == 0
