"""When a system is asked again: as soon as it allows, and not on this load's time where that is long."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from retain.config.rest import Rate
from retain.sources.http_pace import Pace, Throttled


def seconds_of(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_requests_beyond_the_rate_wait_for_their_turn():
    pace = Pace("crm", Rate(requests=2, seconds=1))
    assert seconds_of(lambda: [pace.wait() for _ in range(2)]) < 0.5
    assert seconds_of(pace.wait) > 0.5


def test_of_two_limits_the_tighter_one_holds():
    pace = Pace("crm", Rate(requests=20, seconds=3600, burst=2))
    assert 0.9 < seconds_of(lambda: [pace.wait() for _ in range(3)]) < 1.5


def test_a_rate_that_is_used_up_for_long_stops_the_load_and_says_when():
    pace = Pace("crm", Rate(requests=2, seconds=3600))
    for _ in range(2):
        pace.wait()
    with pytest.raises(Throttled) as stopped:
        pace.wait()
    assert abs(stopped.value.until - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)


def test_a_quota_that_is_used_up_is_waited_for_before_the_next_request():
    pace = Pace("crm", None)
    pace.heed(200, {"ratelimit-remaining": "0", "ratelimit-reset": "0.3"})
    assert seconds_of(pace.wait) > 0.2
    assert seconds_of(pace.wait) < 0.2


@pytest.mark.parametrize("from_when", ["now", "1970"])
def test_a_quota_that_comes_back_late_stops_the_load_and_says_when(from_when):
    pace = Pace("crm", None)
    reset = 3600 + (0 if from_when == "now" else int(time.time()))
    pace.heed(200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)})
    with pytest.raises(Throttled, match="allows no more requests until") as stopped:
        pace.wait()
    assert abs(stopped.value.until - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=2)


def test_of_a_quota_a_minute_and_one_a_day_the_one_that_comes_back_last_counts():
    pace = Pace("survey", None)
    minute, day = "x-ratelimit-app-global-minute", "x-ratelimit-app-global-day"
    spent = {f"{minute}-remaining": "0", f"{minute}-reset": "30", f"{day}-remaining": "0", f"{day}-reset": "7200"}
    pace.heed(200, {**spent, f"{day}-remaining": "1", f"{minute}-reset": "0.2"})
    assert 0.1 < seconds_of(pace.wait) < 1
    pace.heed(200, spent)
    with pytest.raises(Throttled) as stopped:
        pace.wait()
    assert abs(stopped.value.until - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)


def test_a_pause_of_a_part_of_a_second_is_waited_for_here_because_the_client_cannot_read_it():
    pace = Pace("shop", None)
    pace.heed(429, {"retry-after": "0.3"})
    assert seconds_of(pace.wait) > 0.2
    with pytest.raises(Throttled):
        pace.heed(429, {"retry-after": "3600.5"})


def test_a_long_pause_is_told_as_seconds_or_as_a_date():
    for text in ("3600", format_datetime(datetime.now(UTC) + timedelta(hours=1))):
        with pytest.raises(Throttled):
            Pace("crm", None).heed(429, {"retry-after": text})


def test_a_short_pause_and_one_that_cannot_be_read_are_left_to_the_client():
    for text in ("2", "soon", format_datetime(datetime.now(UTC) - timedelta(hours=1))):
        Pace("crm", None).heed(429, {"retry-after": text})
