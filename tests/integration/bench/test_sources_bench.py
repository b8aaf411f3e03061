"""The sources bench on a handful of records: every one is loaded by both, and nothing is left behind."""

import tempfile
from pathlib import Path

import pytest

from bench.sources import headline, lines, measure
from retain.errors import UserError


def test_a_small_export_is_loaded_by_retain_and_by_dlt_and_nothing_is_left_behind():
    before = set(Path(tempfile.gettempdir()).glob("retain-bench-sources-*"))
    document = measure(lambda what: None, records=300)
    assert list(document["vendors"]) == ["shopify", "mixpanel", "amplitude"]
    for found in document["vendors"].values():
        assert (found["retain"]["landed"], found["retain"]["loaded"], found["dlt"]["loaded"]) == (300, 300, 300)
        assert all(
            found[by][name] > 0 for by in ("retain", "dlt") for name in ("seconds", "records_a_second", "peak_mb")
        )
    assert set(Path(tempfile.gettempdir()).glob("retain-bench-sources-*")) <= before
    header, rows = lines(document)
    assert [len(row) for row in rows] == [len(header)] * 6
    assert headline(document)[0].startswith("shopify, 300 records")


def test_a_vendor_that_is_not_measured_is_refused():
    with pytest.raises(UserError, match="no vendor called magento"):
        measure(lambda what: None, records=1, vendors=["magento"])
