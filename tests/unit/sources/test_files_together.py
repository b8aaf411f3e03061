"""Files that are read as one: some columns are in one file and some in another, and a change of one reads all again."""

import os
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retain.errors import UserError
from retain.sources import Window

NAMES = ["orders.csv", "lines.csv"]
TOGETHER = "        together: true\n        group_by: [id]\n"
FIELDS = "{order_id: id, ordered_at: at, gross_amount: 'sum(price::numeric)'}"
HOUR = timedelta(hours=1)


@pytest.fixture
def load(tills):
    tills.write("orders.csv", "id,at\n1,x\n2,y\n")
    tills.write("lines.csv", "id,line,price\n1,1,5\n1,2,6\n2,1,7\n")

    def load(files=NAMES, **more):
        return tills.load(files=files, extra=TOGETHER, fields=FIELDS, **more)

    return load


def test_their_records_are_those_of_one_file_with_all_columns(load):
    landed = load()
    assert landed.values("id") == ["1", "1", "2", "1", "2"]
    assert landed.values("at") == [None, None, None, "x", "y"]
    assert landed.values("price") == ["5", "6", "7", None, None]
    assert set(landed.values("_file")) == {"orders.csv, lines.csv"}
    assert landed.values("_line") == ["1", "2", "3", "4", "5"]
    assert landed.totals == {"rows": 5, "sums": {}, "files": {"orders.csv, lines.csv": 5}}
    assert landed.warnings == []


def test_a_change_of_one_reads_all_again_and_none_reads_nothing(load, tills):
    first = load()
    assert load(state=first.state).files == []
    tills.write("lines.csv", "id,line,price\n1,1,5\n")
    second = load(state=first.state)
    assert second.files == ["lines.csv", "orders.csv"]
    assert second.values("price") == ["5", None, None]
    assert load(state=second.state).files == []
    os.utime(tills.folder / "orders.csv", ns=(1, 1))
    touched = load(state=second.state)
    assert touched.files == []
    assert touched.state["files"]["orders.csv"]["mtime_ns"] == 1


def test_a_span_of_time_that_holds_none_of_them_reads_none_and_forgets_no_change(load, tills):
    first = load()
    tills.write("lines.csv", "id,line,price\n1,1,9\n")
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    backfilled = load(state=first.state, window=Window(long_ago, long_ago + HOUR))
    assert backfilled.files == []
    assert load(state=backfilled.state).files == ["lines.csv", "orders.csv"]
    os.utime(tills.folder / "orders.csv", (long_ago.timestamp() + 60,) * 2)
    assert load(state=first.state, window=Window(long_ago, long_ago + HOUR)).files == ["lines.csv", "orders.csv"]


def test_a_column_that_none_of_them_has_is_missed(load, tills):
    tills.write("orders.csv", "id,day\n1,x\n")
    with pytest.raises(
        UserError, match=r"orders\.csv, lines\.csv has no column at \(orders\.fields\.ordered_at\); it has: id"
    ):
        load()


def test_a_file_that_does_not_say_to_what_its_rows_belong_is_refused(load, tills):
    tills.write("lines.csv", "order,line,price\n1,1,5\n")
    with pytest.raises(UserError, match=r"lines\.csv has no column id \(orders\.group_by\[1\]\), which says to what"):
        load()


def test_parquet_files_are_read_together_too(load, tills):
    pq.write_table(pa.table({"id": ["1", "2"], "at": ["x", "y"]}), tills.folder / "orders.parquet")
    pq.write_table(pa.table({"id": ["1"], "price": [5]}), tills.folder / "lines.parquet")
    landed = load(files="*.parquet")
    assert (landed.values("_line"), landed.values("_file")) == (["1", "2", "3"], ["*.parquet"] * 3)
    assert (landed.values("price"), landed.values("at")) == (["5", None, None], [None, "x", "y"])


def test_without_it_each_file_is_one_of_its_own_and_has_all_columns(tills, load):
    with pytest.raises(UserError, match=r"orders\.csv has no column price"):
        tills.load(files=NAMES, extra="        group_by: [id]\n", fields=FIELDS)


def test_together_needs_to_be_told_what_belongs_together_and_files_of_one_format(tills, load):
    with pytest.raises(UserError, match="`group_by` must say which belong together"):
        tills.load(files=NAMES, extra="        together: true\n", fields=FIELDS)
    with pytest.raises(UserError, match="files of several formats; an entity is read from files of one"):
        load(files=["orders.csv", "lines.jsonl"])
    with pytest.raises(UserError, match="wanted a pattern below `folder`"):
        load(files=["orders.csv", "../lines.csv"])
    with pytest.raises(UserError, match="at least one is needed"):
        load(files=[])


def test_a_warehouse_that_read_its_files_before_this_could_be_said_does_not_read_them_again(tills):
    tills.write("a.csv", "id,at,total\n1,x,1\n")
    assert tills.load(state=tills.load().state | {"mapping": "cf55fd6237069716"}).files == []
