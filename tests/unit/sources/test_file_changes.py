"""Which files of a folder a load reads."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retain.config import load_settings
from retain.errors import OutOfReach, UserError
from retain.sources import Window, open_source

HEADER = "id,at,total\n"
MAPPING_OF_BEFORE = "cf55fd6237069716"  # what an earlier release left of the tills' mapping


def test_the_first_load_reads_every_file_by_name(tills):
    for name in ("b.csv", "a.csv", "c.csv"):
        tills.write(name, HEADER + f"{name[0]},x,1\n")
    assert tills.load().values("id") == ["a", "b", "c"]


def test_the_second_load_reads_nothing(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    again = tills.load(state=tills.load().state)
    assert again.rows == []
    assert again.totals == {"rows": 0, "sums": {}, "files": {}}
    assert again.columns == ["_file", "_line", "_problem"]


def test_a_new_file_is_read_alone(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    first = tills.load()
    tills.write("b.csv", HEADER + "2,x,1\n")
    assert tills.load(state=first.state).files == ["b.csv"]


def test_a_changed_file_is_read_again_whole(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    first = tills.load()
    tills.write("a.csv", HEADER + "1,x,1\n2,x,1\n")
    assert tills.load(state=first.state).values("id") == ["1", "2"]


def test_a_file_of_the_same_size_and_another_time_is_read_only_if_it_differs(tills):
    path = tills.write("a.csv", HEADER + "1,x,1\n")
    first = tills.load()
    os.utime(path, ns=(1, 1))
    touched = tills.load(state=first.state)
    assert touched.files == []
    assert touched.state["files"]["a.csv"]["mtime_ns"] == 1
    path.write_text(HEADER + "1,x,9\n")
    os.utime(path, ns=(2, 2))
    assert tills.load(state=touched.state).values("total") == ["9"]


def test_a_file_that_was_taken_away_and_comes_back_is_not_read_twice(tills):
    path = tills.write("a.csv", HEADER + "1,x,1\n")
    state = tills.load().state
    path.unlink()
    state = tills.load(state=state).state
    tills.write("a.csv", HEADER + "1,x,1\n")
    assert tills.load(state=state).files == []


def test_a_full_load_reads_everything_again(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    assert tills.load(state=tills.load().state, full=True).values("id") == ["1"]


def test_another_mapping_reads_everything_again_and_says_so(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    state = tills.load().state
    landed = tills.load(state=state, fields="{order_id: id, ordered_at: at, gross_amount: total, region: at}")
    assert landed.files == ["a.csv"]
    assert "differently than before" in landed.warnings[0]


def test_another_timezone_of_the_shop_reads_everything_again_and_says_so(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    state = tills.load().state
    landed = tills.load(state=state, timezone="Asia/Yerevan")
    assert landed.files == ["a.csv"]
    assert "differently than before" in landed.warnings[0]
    assert tills.load(state=landed.state, timezone="Asia/Yerevan").files == []
    assert tills.load(state=landed.state).files == ["a.csv"]


def test_of_a_source_with_a_timezone_of_its_own_the_shops_changes_nothing(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    own = "    timezone: Asia/Yerevan\n"
    state = tills.load(extra=own).state
    assert tills.load(extra=own, state=state, timezone="Europe/Berlin").files == []


def test_what_a_release_read_that_did_not_note_the_timezone_is_not_read_again(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    state = tills.load().state | {"mapping": MAPPING_OF_BEFORE}
    del state["timezone"]
    landed = tills.load(state=state)
    assert (landed.files, landed.state["mapping"]) == ([], MAPPING_OF_BEFORE)
    assert tills.load(state=landed.state).files == []
    assert tills.load(state=landed.state, timezone="Asia/Yerevan").files == ["a.csv"], "but from then on it is known"


def test_a_window_reads_the_files_changed_in_it(tills):
    day = datetime(2025, 1, 2, tzinfo=UTC)
    for number in range(4):
        path = tills.write(f"{number}.csv", HEADER + f"{number},x,1\n")
        moment = (day + timedelta(days=number - 1)).timestamp()
        os.utime(path, (moment, moment))
    state = tills.load().state
    assert tills.load(state=state, window=Window(day, day + timedelta(days=2))).files == ["1.csv", "2.csv"]


def test_hidden_and_half_copied_files_are_left_alone(tills):
    tills.write("a.csv", HEADER + "1,x,1\n")
    tills.write(".b.csv", "rubbish")
    tills.write("~c.csv", "rubbish")
    assert tills.load().files == ["a.csv"]


def test_no_matching_file_is_an_error_only_the_first_time(tills):
    path = tills.write("a.csv", HEADER + "1,x,1\n")
    with pytest.raises(UserError, match=r"no file in .* matches \*\.jsonl \(orders\)\. It holds: a\.csv\."):
        tills.load("*.jsonl")
    state = tills.load().state
    path.unlink()
    assert tills.load(state=state).rows == []


def test_a_missing_folder_is_told(tills):
    tills.folder.rmdir()
    with pytest.raises(UserError, match=r"the folder .*tills does not exist"):
        tills.load()
    tills.folder.write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        tills.load()


def test_a_file_that_changes_while_it_is_read_is_not_taken(tills):
    path = tills.write("a.csv", HEADER + "1,x,1\n")
    reader = tills.reader()
    batch = reader.plan("orders", None, datetime.now(UTC))
    with reader.read(batch) as extract:
        path.write_text(HEADER + "1,x,1\n2,x,1\n")
        with pytest.raises(OutOfReach, match=r"a\.csv changed while it was read"):
            list(extract.copy_chunks)
    with pytest.raises(OutOfReach, match=r"a\.csv changed while it was read"), reader.read(batch):
        pass
    path.unlink()
    with pytest.raises(OutOfReach, match=r"a\.csv went away"), reader.read(batch):
        pass


def test_the_columns_on_offer_are_those_of_the_newest_file(tills):
    tills.write("1.csv", HEADER)
    tills.write("2.csv", "id,at,total,till\n")
    assert [column.name for column in tills.reader().columns("orders")] == ["id", "at", "total", "till"]


def test_an_entity_that_is_not_configured_is_told(tills):
    with pytest.raises(UserError, match=r'has no "returns".*It has: orders'):
        tills.reader().plan("returns", None, datetime.now(UTC))


def test_a_source_that_is_not_configured_is_told(tills):
    tills.reader()
    with pytest.raises(UserError, match=r'There is no source "shop" in .*It has: tills\.'):
        open_source(load_settings(tills.root / "retain.yml"), "shop")


@pytest.fixture
def shared_tills(tills):
    """A folder of files that an ordinary user may enter."""
    root = Path(tempfile.mkdtemp(prefix="retain-tests-"))
    root.chmod(0o755)
    shared = type(tills)(root)
    shared.write("a.csv", HEADER + "1,x,1\n")
    yield shared
    shutil.rmtree(root)


@contextmanager
def an_ordinary_user() -> Iterator[None]:
    """Modes of files do not apply to root: what is done here is done as nobody."""
    before = os.geteuid()
    os.seteuid(pwd.getpwnam("nobody").pw_uid if before == 0 else before)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_folder_that_may_not_be_read_is_not_an_empty_one(shared_tills, is_known):
    reader, state = shared_tills.reader(), shared_tills.load().state if is_known else None
    shared_tills.folder.chmod(0)
    try:
        with an_ordinary_user(), pytest.raises(OutOfReach, match="cannot be read: Permission denied"):
            reader.plan("orders", state, datetime.now(UTC))
    finally:
        shared_tills.folder.chmod(0o755)


def test_a_file_that_may_not_be_read_is_named(shared_tills):
    reader = shared_tills.reader()
    (shared_tills.folder / "a.csv").chmod(0)
    with an_ordinary_user():
        for ask in (lambda: reader.plan("orders", None, datetime.now(UTC)), lambda: reader.columns("orders")):
            with pytest.raises(UserError, match=r"a\.csv cannot be read: Permission denied"):
                ask()
