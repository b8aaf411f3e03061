from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retain.errors import UserError


@pytest.fixture
def landed(tills):
    """What a Parquet file of one column `v`, beside the columns that orders need, lands as."""

    def landed(values, kind=None):
        array = values if isinstance(values, pa.Array) else pa.array(values, kind)
        needed = {name: ["1"] * len(array) for name in ("id", "at", "total")}
        pq.write_table(pa.table({**needed, "v": array}), tills.folder / "a.parquet")
        return tills.load("*.parquet").values("v")

    return landed


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([1, -2, None], pa.int32(), ["1", "-2", None]),
        ([Decimal("10.10"), Decimal("-0.05"), None], pa.decimal128(38, 2), ["10.10", "-0.05", None]),
        ([0.1, 1e300, None], pa.float64(), ["0.1", "1e+300", None]),
        ([True, False, None], pa.bool_(), ["true", "false", None]),
        ([date(2025, 2, 28), None], pa.date32(), ["2025-02-28", None]),
        ([time(10, 30, 5), None], pa.time64("us"), ["10:30:05", None]),
        (["", 'a,"b"\nc', None, "Արամ"], pa.string(), ["", 'a,"b"\nc', None, "Արամ"]),
        ([b"\x00\xff", None], pa.binary(), ["\\x00ff", None]),
        ([None, None], pa.null(), [None, None]),
        ([datetime(2025, 1, 2, 3, 4, 5, 678), None], pa.timestamp("us"), ["2025-01-02 03:04:05.000678", None]),
        ([[1, 2], None], pa.list_(pa.int64()), ["[1, 2]", None]),
        ([{"price": Decimal("1.10")}], pa.struct([("price", pa.decimal128(5, 2))]), ['{"price": "1.10"}']),
    ],
    ids=lambda value: str(value)[:30],
)
def test_every_type_lands_as_its_exact_text(landed, values, kind, texts):
    assert landed(values, kind) == texts


def test_a_time_with_a_zone_lands_as_utc_with_its_sign(landed):
    at_four = datetime(2025, 1, 2, 0, 0, tzinfo=UTC)
    assert landed([at_four, None], pa.timestamp("ms", "Asia/Yerevan")) == ["2025-01-02 00:00:00.000+00", None]


def test_a_dictionary_lands_as_its_values(landed):
    assert landed(pa.array(["web", "app", None, "web"]).dictionary_encode()) == ["web", "app", None, "web"]


def test_records_are_numbered_over_the_batches_of_a_file(tills):
    rows = 70_000
    numbers = list(map(str, range(1, rows + 1)))
    pq.write_table(pa.table({"id": numbers, "at": numbers, "total": numbers}), tills.folder / "a.parquet")
    landed = tills.load("*.parquet")
    assert landed.values("id") == landed.values("_line") == numbers
    assert landed.totals["files"] == {"a.parquet": rows}


def test_columns_of_several_files_are_joined_by_name(tills):
    needed = {name: ["1"] for name in ("id", "at", "total")}
    pq.write_table(pa.table({**needed, "x": ["only a"]}), tills.folder / "a.parquet")
    pq.write_table(pa.table({"y": ["only b"], **needed}), tills.folder / "b.parquet")
    landed = tills.load("*.parquet")
    assert landed.values("x") == ["only a", None]
    assert landed.values("y") == [None, "only b"]


def test_the_columns_on_offer_have_the_types_of_the_file(tills):
    pq.write_table(pa.table({"id": [1], "total": pa.array([Decimal("1.5")])}), tills.folder / "a.parquet")
    offered = tills.reader("*.parquet").columns("orders")
    assert [(column.name, column.type_text) for column in offered] == [("id", "int64"), ("total", "decimal128(2, 1)")]


@pytest.mark.parametrize(("keep", "words"), [(0, "is empty"), (40, "is not a Parquet file, or is cut off")])
def test_a_file_that_is_cut_off_is_refused(tills, keep, words):
    path = tills.folder / "a.parquet"
    pq.write_table(pa.table({"id": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=f"a.parquet {words}"):
        tills.load("*.parquet")


def test_a_damaged_page_is_refused_and_not_skipped(tills):
    path = tills.folder / "a.parquet"
    texts = [str(number) for number in range(50_000)]
    pq.write_table(
        pa.table({"id": texts, "at": texts, "total": texts}), path, compression="snappy", use_dictionary=False
    )
    content = bytearray(path.read_bytes())
    content[2_000:40_000] = b"\xff" * 38_000
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.parquet breaks off"):
        tills.load("*.parquet")


def test_a_zero_character_is_refused(tills):
    pq.write_table(pa.table({"id": ["a\0b"], "at": ["1"], "total": ["1"]}), tills.folder / "a.parquet")
    with pytest.raises(UserError, match="zero character"):
        tills.load("*.parquet")
