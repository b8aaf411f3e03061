"""The gate bench on a handful of orders: it measures what it says, and leaves nothing behind."""

import tempfile
from pathlib import Path

from bench.gate import headline, lines, measure


def test_a_small_delivery_is_landed_judged_and_published_and_nothing_is_left_behind():
    before = set(Path(tempfile.gettempdir()).glob("retain-bench-gate-*"))
    document = measure(lambda what: None, orders=300, kinds=["files"])
    assert document["sources"]["files"]["rows_published"] == 300
    assert document["sources"]["files"]["refused"] == []
    assert all(document[name] > 0 for name in ("land_seconds", "gate_seconds", "publish_seconds", "peak_mb"))
    assert set(Path(tempfile.gettempdir()).glob("retain-bench-gate-*")) <= before
    header, rows = lines(document)
    assert [len(row) for row in rows] == [len(header)]
    assert headline(document)[0].startswith("300 orders: ")
