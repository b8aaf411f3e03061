"""Records are cut out of an answer as the text that was sent; what is no page of records is never taken for an empty one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.sources.http_records import (
    NotWhatWasAsked,
    each_of,
    key_texts,
    records_of,
    said_in_refusal,
    with_related,
)
from retain.sources.json_paths import path_of, paths_of, value_at

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=5)


def as_numbers_of_text(text):
    return json.loads(text, parse_int=str, parse_float=str)


@given(RECORDS, VALUES, VALUES, st.sampled_from([None, 2]), st.booleans())
def test_every_record_comes_out_as_it_went_in(records, before, after, indent, ascii_only):
    answer = {"before": before, "page": {"first": before, "items": records, "last": after}, "after": after}
    body = json.dumps(answer, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return  # half a pair, written out: no UTF-8
    found = records_of(body, "page.items")
    assert [record.values for record in found] == [as_numbers_of_text(json.dumps(record)) for record in records]
    assert all(record.problem or as_numbers_of_text(record.text) == record.values for record in found)


@given(RECORDS, st.data())
def test_an_answer_that_is_cut_off_anywhere_is_no_answer(records, data):
    body = json.dumps({"items": records, "next": None}).encode()
    with pytest.raises(NotWhatWasAsked):
        records_of(body[: data.draw(st.integers(0, len(body) - 1))], "items")


def test_numbers_keep_every_digit_and_zero():
    (record,) = records_of(b'\xef\xbb\xbf [ {"id": 12345678901234567890, "total": 10.10, "tiny": 1E-7} ] \n', None)
    assert record.text == '{"id": 12345678901234567890, "total": 10.10, "tiny": 1E-7}'
    assert record.values == {"id": "12345678901234567890", "total": "10.10", "tiny": "1E-7"}


def test_what_is_no_page_of_records_says_what_it_is():
    for body, path, words in (
        (b"<html>", None, "a web page or XML"),
        (b"  \n", None, "nothing"),
        (b"[1, 2] x", None, "no JSON, or not all of it"),
        (b'{"items": NaN}', "items", "where the list of records was due (items)"),
        (b'[{"a": NaN}]', None, "no JSON"),
        (b'{"items": null}', "items", "null where the list"),
        (b'{"orders": []}', None, "an object with orders where the list"),
        (b'{"a": 1}', "a.b", "no object at a, where b was due"),
        (b'{"success": false, "message": "plan too small", "items": []}', "items", "an error: plan too small"),
        (b'{"errors": [{"code": "THROTTLED"}], "items": []}', "items", "an error: THROTTLED"),
        (b'{"error": {"message": "no"}}', "items", "an error: no"),
        ("[\u00e9]".encode("latin-1"), None, "text that is not UTF-8 (byte 2)"),
    ):
        with pytest.raises(NotWhatWasAsked) as refused:
            records_of(body, path)
        assert words in str(refused.value), body


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            '[{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]',
            "Session expired or invalid",
        ),
        ('{"status": "error", "message": "no such scope"}', "no such scope"),
        ('{"code": "FORM_NOT_FOUND", "description": "Form not found"}', "Form not found"),
        ('{"message": "no", "errors": [{"message": "scope contacts.read"}]}', "scope contacts.read"),
        ('{"error": "invalid_client", "error_description": "secret"}', "invalid_client: secret"),
        ('{"errors": [{"code": "not_found", "title": "Gone.", "detail": "No list L1."}]}', "No list L1."),
        ('{"errors": [{"code": "Forbidden", "status": "403", "title": "Access is forbidden"}]}', "Access is forbidden"),
        ('[{"id": 7, "email": "a@x.am"}]', ""),
        ('{"message": {"to": "a@x.am"}}', ""),
        ("[]", ""),
        ("<html>", ""),
    ],
)
def test_the_words_of_a_refusal_are_found_where_systems_write_them_and_nothing_else_is(body, words):
    assert said_in_refusal(body) == words


def test_a_record_that_mentions_errors_is_a_record():
    assert len(records_of(b'{"items": [{"errors": ["late"], "ok": false}], "errors": []}', "items")) == 1


def test_a_value_in_the_list_that_is_no_record_is_kept_as_a_problem():
    first, second = records_of(b'[{"a": 1}, 7]', None)
    assert (first.problem, second.values) == (None, None)
    assert "is no object" in second.problem


def test_a_path_leads_through_objects_and_lists():
    record = {"buyer": {"emails": ["a@x.am", "b@x.am"]}, "total": "1"}
    assert value_at(record, "buyer.emails.1") == "b@x.am"
    assert [value_at(record, path) for path in ("buyer.emails.2", "total.x", "nothing")] == [None, None, None]


def test_the_paths_of_an_expression_are_its_names_and_what_stands_in_double_quotes():
    assert path_of(" buyer.email ") == "buyer.email"
    assert path_of("'paid'") is path_of("null") is path_of("a || b") is None
    assert paths_of(["""lower("buyer.e-mail") || 'x.y' || state""", "total"]) == ["buyer.e-mail", "state", "total"]
    assert paths_of(["date::date + time::interval"]) == ["date", "time"]
    assert paths_of(["timestamptz 'epoch' + micros * interval '1 microsecond'"]) == ["micros"]
    assert paths_of(["case state when 'a' then total::numeric else net end"]) == ["state", "total", "net"]
    assert paths_of(["(select sum((line ->> 'a')::int) from json_array_elements(lines::json) as line)"]) == ["lines"]


def test_the_key_of_a_record_is_text_and_none_where_a_part_is_missing():
    (record,) = records_of(b'[{"order": {"id": 7}, "line": "a"}]', None)
    assert key_texts(record, ["order.id", "line"]) == ("7", "a")
    assert key_texts(record, ["order.id", "nothing"]) is None


def test_each_thing_of_a_list_stands_beside_its_record_as_it_was_sent():
    whole = b'{"id": 7, "box": {"lines": [{"sku": "a", "price": 1.10}, {"sku": "b"}], "n": 2}, "to": 3}'
    order, without, wrong = records_of(b'[%b, {"id": 8}, {"id": 9, "box": {"lines": 5}}]' % whole, None)
    first, second = each_of(order, "box.lines")
    assert (
        first.text
        == '{"parent": {"id": 7, "box": {"lines": [], "n": 2}, "to": 3}, "item": {"sku": "a", "price": 1.10}}'
    )
    assert value_at(second.values, "item.sku") == "b"
    assert each_of(without, "box.lines") == []
    assert "box.lines is no list" in each_of(wrong, "box.lines")[0].problem


def test_what_a_record_refers_to_stands_beside_it_as_it_was_sent():
    body = (
        b'{"data": [{"id": "e1", "value": 10.10, "relationships": {"metric": {"data": {"type": "metric", "id": "m1"}}, '
        b'"profile": {"data": {"type": "profile", "id": "gone"}}, "tags": {"data": []}}}, {"id": "e2"}, 7], '
        b'"included": [{"type": "profile", "id": "m1"}, {"type": "metric", "id": "m1", "rate": 1.50}]}'
    )
    first, second, third = with_related(records_of(body, "data"), records_of(body, "included"))
    assert first.text.startswith('{"item": {"id": "e1", "value": 10.10, ')
    assert first.text.endswith('"related": {"metric": {"type": "metric", "id": "m1", "rate": 1.50}}}')
    assert as_numbers_of_text(first.text) == first.values
    assert value_at(first.values, "related.metric.rate") == "1.50"
    assert as_numbers_of_text(second.text) == second.values == {"item": {"id": "e2"}, "related": {}}
    assert third.problem == "is no object, so nothing can be read of it"


def test_a_name_of_several_words_or_with_a_sign_is_a_path_in_double_quotes():
    assert paths_of(["""coalesce("item.Campaign Name", "item.$flow", 'no "thing" at all')"""]) == [
        "item.Campaign Name",
        "item.$flow",
    ]
    assert path_of("item.Campaign Name") is None
