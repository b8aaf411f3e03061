"""Deciding, without a database: what loads came to and what is known, in; problems and what was looked at, out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from retain.alerts.evidence import Evidence, Load, Quarantine
from retain.alerts.judging import problems_of
from retain.alerts.problem import Key, Kind, Scope
from retain.errors import OutOfReach, Refused, UserError
from retain.loads import LoadOutcome

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ORDERS = ("web", "orders")


def load(load_id=7, status="published", **more):
    return Load(load_id, status, NOW, 1204, 0, "", **more)


def judged(outcomes=(), evidence=None, hours=36):
    return problems_of(
        outcomes,
        evidence or {},
        now=NOW,
        zone=ZoneInfo("Asia/Yerevan"),
        late_after=lambda source: timedelta(hours=hours),
    )


def published(entity="orders", load_id=7):
    return LoadOutcome("web", entity, load_id, "published")


def unreadable(entity="orders", error=OutOfReach):
    return LoadOutcome("web", entity, 8, "unreadable", message="no connection", error=error("no connection"))


def kinds(judgement):
    return [(problem.key.kind, problem.key.entity) for problem in judgement.problems]


def test_a_load_that_was_published_is_no_problem_and_ends_what_there_was():
    found = judged([published()], {ORDERS: Evidence({"": load()}, None, NOW, NOW)})
    assert found.problems == ()
    for kind in (Kind.LOAD_REFUSED, Kind.QUARANTINE_GROWING):
        assert Scope(Key(kind, *ORDERS), "orders") in found.looked_at
    for kind in (Kind.SOURCE_UNREADABLE, Kind.STALE_SOURCE):
        assert Scope(Key(kind, "web"), "orders") in found.looked_at


def test_a_refused_load_says_what_it_holds_back_in_the_shops_own_time():
    evidence = {ORDERS: Evidence({"": load(status="refused", reasons=("too few rows",))}, None, NOW, NOW)}
    (problem,) = judged([LoadOutcome("web", "orders", 7, "refused")], evidence).problems
    assert problem.title == "web: load of orders refused"
    assert problem.holds_back.startswith("orders of web stay as of 2026-11-20 14:00 Asia/Yerevan")
    assert problem.counted == "1,204 rows; nothing of the load was published"
    assert problem.rows is None


def test_an_entity_that_could_not_be_read_keeps_its_refused_load_open():
    evidence = {ORDERS: Evidence({"": load(8, "failed")}, None, NOW, NOW)}
    found = judged([unreadable()], evidence)
    assert kinds(found) == [(Kind.SOURCE_UNREADABLE, "")]
    assert Scope(Key(Kind.LOAD_REFUSED, *ORDERS), "orders") not in found.looked_at


def test_six_entities_of_a_database_that_is_down_are_one_problem():
    names = ["orders", "customers", "products", "returns", "order_items", "exchange_rates"]
    (problem,) = judged([unreadable(name) for name in names]).problems
    assert problem.parts == set(names)
    assert len(problem.reasons) == 1
    assert problem.rules == ("OutOfReach",)


def test_a_mapping_that_is_wrong_is_another_rule_than_a_database_that_is_down():
    (problem,) = judged([unreadable(error=UserError)]).problems
    assert problem.rules == ("UserError",)


def test_a_second_look_at_waiting_rows_does_not_end_an_unreadable_source():
    evidence = {ORDERS: Evidence({"": load(7), "retry": load(9)}, None, NOW, NOW)}
    found = judged([published(load_id=9)], evidence)
    assert Scope(Key(Kind.SOURCE_UNREADABLE, "web"), "orders") not in found.looked_at


def test_a_load_that_found_another_one_running_is_no_problem_and_ends_none():
    busy = LoadOutcome("web", "orders", None, "refused", error=Refused("Another load of orders is running."))
    found = judged([busy], {ORDERS: Evidence({"": load()}, None, NOW, NOW)})
    assert found.problems == ()
    assert Scope(Key(Kind.SOURCE_UNREADABLE, "web"), "orders") not in found.looked_at


def test_a_refused_comparison_of_keys_is_a_problem_of_its_own():
    evidence = {ORDERS: Evidence({"": load(7), "deletions": load(8, "refused")}, None, NOW, NOW)}
    (problem,) = judged([published()], evidence).problems
    assert problem.key == Key(Kind.LOAD_REFUSED, "web", "orders", "deletions")
    assert problem.title == "web: comparison of keys of orders refused"


def test_a_second_look_that_failed_does_not_make_the_source_unreadable():
    assert judged([replace(unreadable(), is_retry=True)]).problems == ()


def test_a_refused_second_look_is_a_problem_only_while_something_waits():
    loads = {"": load(7), "retry": load(8, "refused")}
    assert kinds(judged([], {ORDERS: Evidence(loads, None, NOW, NOW, waits=True)})) == [(Kind.LOAD_REFUSED, "orders")]
    over = judged([], {ORDERS: Evidence(loads, None, NOW, NOW)})
    assert over.problems == ()
    assert Scope(Key(Kind.LOAD_REFUSED, *ORDERS, "retry"), "orders") in over.looked_at


def test_a_refused_backfill_is_over_when_an_ordinary_load_came_after_it():
    refused = {"": load(7), "backfill": load(8, "refused")}
    (problem,) = judged([], {ORDERS: Evidence(refused, None, NOW, NOW)}).problems
    assert problem.title == "web: backfill of orders refused"
    later = {"": load(9), "backfill": load(8, "refused")}
    assert judged([], {ORDERS: Evidence(later, None, NOW, NOW)}).problems == ()


def test_rows_in_quarantine_say_how_many_of_how_many_and_which():
    held = Quarantine(37, NOW, ("rate_exists",), ("there is no rate: 37 rows",), ("1", "2"), 7, 1204, 30)
    (problem,) = judged([published()], {ORDERS: Evidence({"": load()}, held, NOW, NOW)}).problems
    assert (problem.rows, problem.rows_of, problem.keys) == (37, 1204, ("1", "2"))
    assert problem.counted == "37 wait in all; load 7 had 30 of its 1,204 rows"


def test_a_late_source_is_one_problem_and_none_when_its_own_failure_was_told():
    old = NOW - timedelta(hours=37)
    quiet = {("web", name): Evidence({"": load()}, None, old, old) for name in ("orders", "returns")}
    (problem,) = judged(evidence=quiet).problems
    assert (problem.key, problem.parts) == (Key(Kind.STALE_SOURCE, "web"), {"orders", "returns"})
    assert judged(evidence=quiet, hours=38).problems == ()
    broken = {ORDERS: Evidence({"": load(8, "failed")}, None, old, old)}
    assert judged(evidence=broken).problems == ()
    assert kinds(judged([unreadable()], {ORDERS: quiet[ORDERS]})) == [(Kind.SOURCE_UNREADABLE, "")]


def test_an_entity_that_was_never_loaded_is_not_late():
    assert judged(evidence={ORDERS: Evidence()}).problems == ()
