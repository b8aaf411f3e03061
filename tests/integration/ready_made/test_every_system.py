"""What happens between any system and a reader, tried on each: raw ends with exactly the system's records, whatever it was."""

from datetime import UTC, datetime, timedelta

import pytest
from systems import SYSTEMS
from vendors.server import HTML, Answer

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)
LONG = 12345678901234567890
CUT_OFF = Answer(b'{"data": [', cut_after=5)
FAULTS = {
    "asked too often, with a time to wait": Answer(b'{"error": "slow down"}', 429, {"retry-after": "1"}),
    "asked too often": Answer(b'{"error": "slow down"}', 429),
    "out of order for a moment": Answer(b"<html>502 Bad Gateway</html>", 502, content_type="text/html"),
    "an error that comes as a success": Answer(b'{"error": {"message": "try again later"}}'),
    "an answer that is cut off": CUT_OFF,
    "an answer that ends too early": Answer(b'{"data": ['),
    "a page to log in": HTML,
    "an object without records": Answer(b"{}"),
}
PASSING = {name for name in FAULTS if name.startswith(("asked", "out of order")) or FAULTS[name] is CUT_OFF}


@pytest.fixture(params=SYSTEMS)
def system(request):
    return SYSTEMS[request.param]


@pytest.fixture
def one(system, described):
    return system.described(described)


def fill(system, one, count):
    for number in range(1, count + 1):  # four of each second: ties across pages
        system.put(one.vendor, number, DAY + timedelta(seconds=number // 4))
    return {system.key(number) for number in range(1, count + 1)}


def in_raw(system, one):
    rows = one.ask(f"select {system.id_field} from raw.{system.entity} where not is_deleted")
    assert len(rows) == len(set(rows))
    return {row[0] for row in rows}


def test_records_of_one_moment_are_read_once_each_and_a_second_load_changes_nothing(system, one):
    there = fill(system, one, 7)
    assert one.load(system.entity).status == "published"
    assert in_raw(system, one) == there
    again = one.load(system.entity)
    assert (again.status, again.rows_changed) == ("published", 0), again.message
    assert one.does_not_add_up() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_on_the_way_is_made_up_for_or_told_and_loses_nothing(system, one, fault):
    there = fill(system, one, 7)
    one.vendor.instead[system.first + 1] = FAULTS[fault]
    outcome = one.load(system.entity)
    if fault in PASSING:
        assert outcome.status == "published", outcome.message
    else:
        assert outcome.status == "unreadable"
        assert "answered" in outcome.message
        assert one.load(system.entity).status == "published"
    assert in_raw(system, one) == there
    assert one.does_not_add_up() == []


def test_a_crash_between_pages_loses_nothing(system, one):
    there = fill(system, one, 7)
    one.vendor.always = lambda request: CUT_OFF if len(one.vendor.requests) > system.first else None
    assert one.load(system.entity).status == "unreadable"
    assert in_raw(system, one) == set()
    one.vendor.always = None
    assert one.load(system.entity).status == "published"
    assert in_raw(system, one) == there
    assert one.does_not_add_up() == []


def test_what_changes_while_pages_are_read_takes_no_other_record_with_it(system, one):
    there = fill(system, one, 7)

    def change(request):
        system.put(one.vendor, 3, datetime.now(UTC))
        system.put(one.vendor, 100 + len(one.vendor.requests), datetime.now(UTC))

    one.vendor.always = change
    assert one.load(system.entity).status == "published"
    one.vendor.always = None
    assert in_raw(system, one) >= there - {system.key(3)}
    assert one.does_not_add_up() == []


def test_a_time_in_the_future_holds_up_nothing(system, one):
    there = fill(system, one, 3)
    system.put(one.vendor, 8, datetime.now(UTC) + timedelta(days=1))
    one.load(system.entity)
    system.put(one.vendor, 9, datetime.now(UTC) - timedelta(minutes=15))
    assert one.load(system.entity).status == "published"
    assert in_raw(system, one) >= there | {system.key(9)}


def test_an_id_of_twenty_digits_lands_as_it_was_sent(system, one):
    system.put(one.vendor, LONG, DAY)
    assert one.load(system.entity).status == "published"
    assert in_raw(system, one) == {system.key(LONG)}


def test_an_empty_account_is_a_load_without_rows_and_its_first_record_is_read(system, one):
    one.vendor.rows = {
        "points_transactions": {},
        "transactions": {},
    }  # of the ledgers, which have only the lists they are given
    outcome = one.load(system.entity)
    assert (outcome.status, outcome.rows_sent) == ("published", 0), outcome.message
    system.put(one.vendor, 1, datetime.now(UTC) - timedelta(minutes=15))
    assert one.load(system.entity).status == "published"
    assert in_raw(system, one) == {system.key(1)}
