import json

import pytest

from retain.errors import UserError


def line(**values):
    return json.dumps({"id": "1", "at": "2025-01-01", "total": 2, **values}) + "\n"


def test_numbers_keep_every_digit(tills):
    tills.write(
        "a.jsonl", '{"id": 12345678901234567890, "at": "x", "total": 10.10}\n{"id": 2, "at": "x", "total": 1E+2}\n'
    )
    landed = tills.load("*.jsonl")
    assert landed.values("id") == ["12345678901234567890", "2"]
    assert landed.values("total") == ["10.10", "1E+2"]


def test_null_missing_empty_and_truth_are_told_apart(tills):
    tills.write("a.jsonl", line(note=None, open=True) + line() + line(note="", open=False))
    landed = tills.load("*.jsonl")
    assert landed.values("note") == [None, None, ""]
    assert landed.values("open") == ["true", None, "false"]


def test_what_is_nested_lands_as_json_with_its_numbers_untouched(tills):
    tills.write(
        "a.jsonl", '{"id": "1", "at": "x", "total": 1, "items": [{"price": 1.10, "name": "Սուրճ", "gift": null}]}\n'
    )
    assert tills.load("*.jsonl").values("items") == ['[{"price": 1.10, "name": "Սուրճ", "gift": null}]']


def test_columns_are_the_keys_of_all_records(tills):
    tills.write("a.jsonl", line() + line(till="north"))
    landed = tills.load("*.jsonl")
    assert landed.columns == ["id", "at", "total", "till", "_file", "_line", "_problem"]
    assert landed.values("till") == [None, "north"]


def test_a_record_without_an_optional_field_is_no_missing_column(tills):
    tills.write("a.jsonl", line())
    fields = "{order_id: id, ordered_at: at, gross_amount: 'coalesce(given, total)', region: upper(region)}"
    landed = tills.load("*.jsonl", fields=fields)
    assert landed.values("id") == ["1"]
    assert landed.values("region") == landed.values("given") == [None]


def test_a_required_key_that_no_record_has_is_refused(tills):
    tills.write("a.jsonl", line())
    with pytest.raises(UserError, match=r"has no column sum \(orders\.fields\.gross_amount\); it has: id, at, total"):
        tills.load("*.jsonl", fields="{order_id: id, ordered_at: at, gross_amount: sum}")


def test_a_line_that_is_no_object_lands_with_a_sentence(tills):
    tills.write("a.jsonl", line() + "[1, 2]\n" + "{broken}\n" + "\n" + line(id="4"))
    landed = tills.load("*.jsonl")
    assert landed.values("id") == ["1", None, None, "4"]
    problems = landed.values("_problem")
    assert problems[0] is None
    assert problems[1] == "line 2 is an array, not an object: [1, 2]"
    assert problems[2].startswith("line 3 is not JSON (Expecting property name")
    assert problems[2].endswith(": {broken}")
    assert landed.values("_line") == ["1", "2", "3", "4"]


def test_a_file_that_is_one_array_is_refused(tills):
    tills.write("a.jsonl", "[\n" + line() + "]\n")
    with pytest.raises(UserError, match=r"a\.jsonl is not JSON Lines"):
        tills.load("*.jsonl")


def test_a_file_cut_off_in_its_last_line_is_refused(tills):
    tills.write("a.jsonl", line() + line()[:20])
    with pytest.raises(UserError, match="ends in the middle of line 2; is it still being copied"):
        tills.load("*.jsonl")


def test_what_cannot_be_stored_is_replaced_and_said(tills):
    tills.write("a.jsonl", '{"id": "a\\u0000b", "at": "\\ud83d\\ude00", "total": 1.50, "note": "half \\ud83d pair"}\n')
    landed = tills.load("*.jsonl")
    assert landed.values("id") == ["a�b"]
    assert landed.values("at") == ["😀"]
    assert landed.values("total") == ["1.50"]
    assert "half " in landed.values("note")[0]
    assert landed.values("_problem") == ["id, note: a character that cannot be stored was replaced by �"]


def test_half_a_pair_inside_something_nested_stays_escaped(tills):
    tills.write("a.jsonl", '{"id": "1", "at": "x", "total": 1, "tags": ["\\ud83d", "ա"]}\n')
    assert tills.load("*.jsonl").values("tags") == ['["\\ud83d", "ա"]']


def test_an_empty_file_has_no_records(tills):
    tills.write("a.jsonl", "")
    landed = tills.load("*.jsonl")
    assert landed.rows == []
    assert landed.warnings == ["a.jsonl has no records"]


def test_a_bad_byte_is_told_with_its_place(tills):
    tills.write("a.jsonl", line().encode() + b'{"id": "\xff"}\n')
    with pytest.raises(UserError, match="in line 2, is 0xFF"):
        tills.load("*.jsonl")
