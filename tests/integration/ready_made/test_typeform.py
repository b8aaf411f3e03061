"""The answers to a question of a Typeform, page by page behind the token of the last one."""

from datetime import UTC, datetime, timedelta

import pytest
from vendors.typeform import TOKEN, Typeform

from retain.deletions import mark_deleted
from retain.source_checks import check_source

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def form(described):
    more = "    entities: {feedback: {params: {page_size: 2}, defaults: {customer_source: web}}}\n"
    needs = {"form": "f0rm", "question": "how-was-it", "kind": "nps", "lowest": "0", "highest": "10"}
    return described(Typeform(), "typeform", "", more, token=TOKEN, **needs)


def answers(form):
    return form.ask("select feedback_id, score::int from raw.feedback order by 1")


def test_every_answer_is_in_raw_once_with_who_gave_it(form):
    for number in range(1, 8):
        form.vendor.put(
            f"t{number}",
            DAY + timedelta(minutes=number // 3),
            number,
            email=f"c{number}@x.am",
            customer_id=f"w{number}",
        )
    outcome = form.load("feedback")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    assert answers(form) == [(f"t{number}", number) for number in range(1, 8)]
    assert form.ask(
        "select kind, highest_score::int, email, customer_id, customer_source from raw.feedback where score = 3"
    ) == [("nps", 10, "c3@x.am", "w3", "web")]
    assert form.load("feedback").rows_changed == 0
    form.vendor.put("t8", datetime.now(UTC) - timedelta(minutes=2), 8)
    assert form.load("feedback").rows_changed == 1
    assert form.does_not_add_up() == []


def test_an_answer_that_comes_while_pages_are_read_takes_no_other_one_with_it(form):
    for number in range(1, 8):
        form.vendor.put(f"t{number}", DAY, number)
    form.vendor.always = lambda request: form.vendor.put(f"u{len(form.vendor.requests)}", datetime.now(UTC), 9)
    form.load("feedback")
    form.vendor.always = None
    assert set(answers(form)) >= {(f"t{number}", number) for number in range(1, 8)}
    form.load("feedback")


def test_an_answer_that_is_deleted_is_marked_also_when_it_is_the_last_one_of_a_page_that_was_just_read(form):
    for number in range(1, 8):
        form.vendor.put(f"t{number}", DAY + timedelta(minutes=number), number)
    form.load("feedback")
    form.vendor.forget_requests()
    form.vendor.instead[2] = lambda request: form.vendor.responses.pop("t6") and None  # behind which the list goes on
    assert mark_deleted(form.settings, "one", "feedback").missing == 0
    assert mark_deleted(form.settings, "one", "feedback").missing == 1
    assert form.ask("select feedback_id from raw.feedback where is_deleted") == [("t6",)]


def test_a_form_without_answers_and_a_wrong_form_are_told_apart(form):
    assert (form.load("feedback").status, form.load("feedback").rows_sent) == ("published", 0)
    text = form.settings.path.read_text().replace("form: f0rm", "form: other")
    form.settings.path.write_text(text)
    from retain.config import load_settings

    (finding,) = check_source(load_settings(form.settings.path), "one")
    assert "is not there (404" in finding.sentence
    assert "Check `form`" in finding.to_do
