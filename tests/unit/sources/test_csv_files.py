import tracemalloc
from datetime import UTC, datetime

import pytest

from retain.errors import UserError

HEADER = "id,at,total\n"


@pytest.fixture
def refusal(tills):
    """The message with which a folder of one file is refused."""

    def refusal(content, **load):
        tills.write("a.csv", content)
        with pytest.raises(UserError) as refused:
            tills.load(**load)
        assert "a.csv" in str(refused.value)
        return str(refused.value)

    return refusal


def test_values_land_exactly_as_they_were_written(tills):
    tills.write("a.csv", 'id,at,total\n 1 ,2025-01-01,"1,50"\n2,"two\nlines","say ""x"""\n3,,\n')
    landed = tills.load()
    assert landed.columns == ["id", "at", "total", "_file", "_line", "_problem"]
    assert landed.values("id") == [" 1 ", "2", "3"]
    assert landed.values("at") == ["2025-01-01", "two\nlines", ""]
    assert landed.values("total") == ["1,50", 'say "x"', ""]
    assert landed.values("_problem") == [None, None, None]


def test_every_record_knows_its_file_and_its_number(tills):
    tills.write("a.csv", HEADER + "1,x,1\n\n2,x,1\n")
    tills.write("south/b.csv", HEADER + "3,x,1\n")
    landed = tills.load("**/*.csv")
    assert landed.values("_file") == ["a.csv", "a.csv", "south/b.csv"]
    assert landed.values("_line") == ["1", "2", "1"]
    assert landed.totals == {"rows": 3, "sums": {}, "files": {"a.csv": 2, "south/b.csv": 1}}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one(tills, line_end):
    tills.write("a.csv", line_end.join(["id,at,total", "1,x,2", "3,y,4", ""]))
    assert tills.load().values("total") == ["2", "4"]


def test_the_last_line_needs_no_end(tills):
    tills.write("a.csv", HEADER + "1,x,2")
    assert tills.load().values("total") == ["2"]


def test_a_byte_order_mark_is_not_part_of_the_first_name(tills):
    tills.write("a.csv", b"\xef\xbb\xbf" + HEADER.encode() + b"1,x,2\n")
    assert tills.load().columns[0] == "id"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "cp1256"])
def test_other_encodings_are_read(tills, encoding):
    name = "é" if encoding != "cp1256" else "پ"
    tills.write("a.csv", (HEADER + f"{name},x,2\n").encode(encoding))
    assert tills.load(extra=f"        encoding: {encoding}\n").values("id") == [name]


@pytest.mark.parametrize(("written", "sign"), [(";", ";"), ("tab", "\t"), ('"|"', "|")])
def test_other_delimiters_are_read(tills, written, sign):
    tills.write("a.csv", (HEADER + "1,x,2\n").replace(",", sign))
    assert tills.load(extra=f"        delimiter: {written}\n").values("total") == ["2"]


def test_columns_between_any_white_space_need_no_header(tills):
    tills.write("a.txt", " 00004 19970101  2   29.33\r\n 00021   19970112 3 9.10\r\n\r\n")
    landed = tills.load(
        "*.txt",
        "        format: csv\n        delimiter: whitespace\n        header: false\n        columns: [id, at, units, total]\n",
    )
    assert landed.values("id") == ["00004", "00021"]
    assert landed.values("total") == ["29.33", "9.10"]


def test_a_line_of_the_wrong_length_lands_with_a_sentence(tills):
    tills.write("a.csv", HEADER + "1,x\n2,x,5,surplus,more\n3,x,6\n")
    landed = tills.load()
    assert landed.values("id") == ["1", "2", "3"]
    assert landed.values("total") == [None, "5", "6"]
    assert landed.values("_problem") == [
        "the line has 2 values, the header 3",
        "the line has 5 values, the header 3; left over: surplus | more",
        None,
    ]


def test_a_file_cut_off_in_its_last_line_is_refused(refusal):
    message = refusal(HEADER + "1,x,2\n2,x")
    assert "ends in the middle of its last line (2 of 3 values); is it still being copied?" in message


def test_a_short_last_line_that_was_written_to_its_end_is_only_a_bad_record(tills):
    tills.write("a.csv", HEADER + "1,x,2\n2,x\n")
    assert tills.load().values("_problem") == [None, "the line has 2 values, the header 3"]


def test_a_quote_that_is_never_closed_is_refused_with_its_line(refusal):
    assert 'has a quote (") in or after line 3 that is never closed' in refusal(HEADER + '1,x,2\n2,"x,5\n3,y,6\n')


def test_text_after_a_closing_quote_is_refused_with_its_line(refusal):
    message = refusal(HEADER + '1,x,2\n2,"5" pipe",5\n')
    assert 'text after a closing quote (") in the record of line 3' in message


def test_a_quote_inside_a_bare_value_is_only_a_sign(tills):
    tills.write("a.csv", HEADER + '1,5" pipe,2\n')
    assert tills.load().values("at") == ['5" pipe']


def test_a_byte_of_another_encoding_is_refused_with_its_place(refusal):
    message = refusal((HEADER + "1,x,2\n2,caf").encode() + b"\xe9,3\n")
    assert "is not utf-8: byte 24, in line 3, is 0xE9" in message
    assert "cp1252" in message


def test_the_place_of_a_bad_byte_is_right_far_into_a_file(refusal):
    good = HEADER.encode() + b"1,xx,2\n" * 400_000
    assert f"byte {len(good) + 3}, in line 400002, is 0xFF" in refusal(good + b"2,\xff,2\n")


def test_utf16_is_told_by_its_mark(refusal):
    assert "set `encoding: utf-16`" in refusal((HEADER + "1,x,2\n").encode("utf-16"))


def test_utf8_read_as_another_encoding_is_told_by_its_mark(refusal):
    message = refusal(b"\xef\xbb\xbf" + HEADER.encode(), extra="        encoding: cp1252\n")
    assert "set `encoding: utf-8`" in message


def test_zero_bytes_are_refused(tills):
    tills.write("a.csv", HEADER + "1,x\0y,2\n")
    with pytest.raises(UserError, match="zero character"):
        tills.load()


def test_an_empty_file_is_refused(refusal):
    assert "a.csv is empty" in refusal("")
    assert "a.csv is empty" in refusal("\n\n")


def test_an_empty_file_without_header_is_a_day_without_sales(tills):
    tills.write("a.csv", "")
    landed = tills.load(extra="        header: false\n        columns: [id, at, total]\n")
    assert landed.rows == []
    assert landed.warnings == ["a.csv has no records"]


def test_a_header_without_rows_is_read_and_told(tills):
    tills.write("a.csv", HEADER)
    tills.write("b.csv", HEADER + "1,x,2\n")
    landed = tills.load()
    assert landed.values("id") == ["1"]
    assert landed.warnings == ["a.csv has no records"]
    assert landed.totals["files"] == {"a.csv": 0, "b.csv": 1}


@pytest.mark.parametrize(("sign", "shown"), [(";", '";"'), ("\t", "tab"), ("|", '"|"'), (" ", "whitespace")])
def test_a_wrong_delimiter_is_told_with_the_one_that_fits(refusal, sign, shown):
    message = refusal((HEADER + "1,x,2\n").replace(",", sign))
    assert "has no column id (orders.fields.order_id), at (orders.fields.ordered_at)" in message
    assert f"with `delimiter: {shown}` it would have them" in message


def test_a_wrong_delimiter_is_told_where_there_is_no_header(refusal):
    message = refusal("1;x;2\n", extra="        header: false\n        columns: [id, at, total]\n")
    assert "has 1 value in its first line, and `columns` names 3" in message
    assert 'with `delimiter: ";"` it would have 3' in message


def test_a_missing_column_is_told_with_the_field_that_needs_it_and_the_columns_there_are(refusal):
    message = refusal("id,at,amount\n1,x,2\n")
    assert "has no column total (orders.fields.gross_amount); it has: id, at, amount" in message


def test_every_bad_file_is_told_at_once(tills):
    tills.write("a.csv", "")
    tills.write("b.csv", HEADER.encode("utf-16"))
    tills.write("c.csv", HEADER + "1,x,2\n")
    with pytest.raises(UserError) as refused:
        tills.load()
    assert "a.csv" in str(refused.value)
    assert "b.csv" in str(refused.value)
    assert "c.csv" not in str(refused.value)


def test_nothing_is_read_before_every_header_was_seen(tills):
    tills.write("a.csv", HEADER + "1,x,2\n")
    tills.write("b.csv", "id,at\n2,x\n")
    reader = tills.reader()
    batch = reader.plan("orders", None, datetime.now(UTC))
    with pytest.raises(UserError, match=r"b\.csv has no column total"), reader.read(batch):
        pytest.fail("the batch was opened")


def test_memory_stays_flat_however_long_a_file_is(tills):
    tills.write("a.csv", HEADER + f"1,{'x' * 100},2\n" * 150_000)
    reader = tills.reader()
    with reader.read(reader.plan("orders", None, datetime.now(UTC))) as extract:
        tracemalloc.start()
        size = sum(map(len, extract.copy_chunks))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert size > 15_000_000
    assert peak < 6_000_000


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04\x14\0", "an Excel workbook, or an archive, by its first bytes: save each sheet as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1", "an Excel workbook by its first bytes: save each sheet as CSV UTF-8"),
        (b"\x1f\x8b\x08\0", "packed by gzip, by its first bytes: unpack it"),
    ],
)
def test_a_workbook_or_an_archive_that_is_called_csv_is_told_apart(refusal, start, said):
    assert f"a.csv is {said}" in refusal(start + b"rest")


TITLE = 'Sales of "March" (all tills\n\nprinted;by;Ani\n'
SKIPPED = "        skip_lines: 3\n"


def test_lines_above_the_header_are_left_out_and_records_are_counted_from_it(tills):
    tills.write("a.csv", TITLE + HEADER + "1,x,2\n2,x,4\n")
    landed = tills.load(extra=SKIPPED)
    assert landed.columns[:3] == ["id", "at", "total"]
    assert landed.values("total") == ["2", "4"]
    assert landed.values("_line") == ["1", "2"]


def test_lines_above_the_records_are_left_out_where_there_is_no_header(tills):
    tills.write("a.csv", TITLE + "1,x,2\n")
    extra = SKIPPED + "        header: false\n        columns: [id, at, total]\n"
    assert tills.load(extra=extra).values("total") == ["2"]


def test_a_title_above_the_header_is_told_with_the_number_of_its_lines(refusal):
    assert "; with `skip_lines: 2` it would have them" in refusal(
        "Sales of March\nprinted,by,Ani\n" + HEADER + "1,x,2\n"
    )
    message = refusal("Sales of March\n" + HEADER.replace(",", ";") + "1;x;2\n")
    assert '; with `skip_lines: 1` and `delimiter: ";"` it would have them' in message


def test_a_header_that_was_skipped_or_a_file_that_has_none_is_not_found(refusal):
    extra = "        skip_lines: 1\n"
    assert "would have" not in refusal(HEADER + "1,x,2\n", extra=extra)
    assert "is empty: not even a header" in refusal(HEADER, extra=extra)


def test_a_line_is_counted_from_the_top_of_the_file(refusal):
    assert "in or after line 5 that" in refusal(TITLE + HEADER + '1,"x,2\n', extra=SKIPPED)


def test_files_that_skip_nothing_are_not_read_again_for_that_there_is_such_an_option(tills):
    tills.write("a.csv", HEADER + "1,x,2\n")
    plain = tills.load().state["mapping"]
    assert tills.load(extra="        skip_lines: 0\n").state["mapping"] == plain
    tills.write("a.csv", TITLE + HEADER + "1,x,2\n")
    assert tills.load(extra=SKIPPED).state["mapping"] != plain
