"""How many models dbt builds at a time."""

import os

import pytest

from retain import transform
from retain.errors import UserError


@pytest.mark.parametrize(("processors", "expected"), [(1, 2), (2, 2), (3, 3), (4, 4), (64, 4)])
def test_as_many_as_there_are_processors_within_bounds(monkeypatch, processors, expected):
    monkeypatch.delenv("RETAIN_DBT_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    assert transform.threads() == expected


def test_what_is_asked_for_holds(monkeypatch):
    monkeypatch.setenv("RETAIN_DBT_THREADS", "8")
    assert transform.threads() == 8


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", "²"])
def test_what_is_no_number_of_threads_is_a_sentence(monkeypatch, asked):
    monkeypatch.setenv("RETAIN_DBT_THREADS", asked)
    with pytest.raises(UserError, match=f"RETAIN_DBT_THREADS is '{asked}', and a number from 1 on was expected"):
        transform.threads()
