"""`retain bench NAME`: names, options, and the parts of a document that are read out of a log."""

import pytest

from bench.crash.bench import measure as crash
from bench.gate import slowest
from bench.running import read_options, run
from retain.errors import UserError

LOG = (
    "2025-11-22 03:39:05.900 UTC [41] LOG:  duration: 900.5 ms  statement: copy before from stdin\n"
    "2025-11-22 03:39:06.123 UTC [41] LOG:  duration: 178.4 ms  statement: create table a as\n\tselect 1\n"
    "2025-11-22 03:39:07.000 UTC [42] LOG:  duration: 1119.0 ms  execute <unnamed>: analyze a\n"
    "2025-11-22 03:39:08.000 UTC [42] FATAL:  something else\n"
)


def test_an_unknown_bench_is_told_the_names_there_are():
    with pytest.raises(
        UserError,
        match=r"There is no bench 'speed'.\s*There are: build, crash, faults, forecast, gate, identity, mutants, "
        r"questions, reference, sources, transform\.",
    ):
        run("speed", "table", {})


def test_an_option_that_a_bench_does_not_have_is_refused():
    with pytest.raises(UserError, match=r"has no option --kills.\s*It has: --orders, --kinds"):
        run("gate", "table", {"kills": ["3"]})


def test_a_fault_that_does_not_exist_is_refused_before_anything_is_started():
    with pytest.raises(UserError, match="There is no fault called nonsense"):
        run("faults", "table", {"only": ["nonsense"]})


def test_what_carries_benches_is_none():
    for name in ("running", "scratch"):
        with pytest.raises(UserError, match="There is no bench"):
            run(name, "table", {})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"kills": ["many"]}, "wanted a whole number"),
        ({"kills": ["1", "2"]}, "one value"),
        ({"kills": []}, "one value"),
    ],
)
def test_a_value_that_an_option_does_not_take_is_refused(written, said):
    with pytest.raises(UserError, match=said):
        read_options(crash, written)


def test_options_are_read_as_the_bench_wants_them():
    def measure(tell, *, orders: int = 1, only: list[str] = [], sizes: list[int] = []):  # noqa: B006
        return {}

    written = {"orders": ["20"], "only": ["a", "b"], "sizes": ["1"]}
    assert read_options(measure, written) == {"orders": 20, "only": ["a", "b"], "sizes": [1]}


def test_the_slowest_statements_are_read_from_the_servers_log_longest_first():
    assert slowest(LOG, 1763782746.0) == [
        {"milliseconds": 1119, "statement": "analyze a"},
        {"milliseconds": 178, "statement": "create table a as select 1"},
    ]
