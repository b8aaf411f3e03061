"""The answers to a question of a SurveyMonkey: what was edited comes again, and a quota of a day stops a load in good order."""

from datetime import UTC, datetime, timedelta

import pytest
from vendors.server import HTML, Answer
from vendors.surveymonkey import SURVEY, TOKEN, SurveyMonkey, nps, stars

from retain.config import load_settings
from retain.deletions import mark_deleted
from retain.source_checks import check_source

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def survey(described):
    more = "    entities: {feedback: {params: {per_page: 2}, defaults: {customer_source: web}}}\n"
    needs = {"survey": SURVEY, "question": "7", "kind": "csat", "lowest": "1", "highest": "5"}
    return described(SurveyMonkey(), "surveymonkey", "/v3", more, token=TOKEN, **needs)


def fill(vendor, count):
    for number in range(1, count + 1):  # three of each second: ties across pages
        vendor.put(f"{number}", DAY + timedelta(seconds=number // 3), stars(number % 5 + 1))


def scores(survey):
    return dict(survey.ask("select feedback_id, score::int from raw.feedback where not is_deleted"))


def is_complete(survey):
    there = {key: one["pages"][1]["questions"][0]["answers"][0] for key, one in survey.vendor.responses.items()}
    assert scores(survey) == {key: int(one["choice_metadata"]["weight"]) for key, one in there.items()}
    assert survey.does_not_add_up() == []


def test_a_response_that_is_deleted_is_marked_and_one_that_is_not_read_is_not_looked_for(survey):
    fill(survey.vendor, 7)
    survey.vendor.put("50", DAY, stars(1), response_status="partial")
    survey.load("feedback")
    del survey.vendor.responses["3"]
    compared = mark_deleted(survey.settings, "one", "feedback")
    assert (compared.missing, compared.refusal, compared.unread) == (1, "", 0)
    assert survey.ask("select feedback_id from raw.feedback where is_deleted") == [("3",)]
    del survey.vendor.responses["50"]
    is_complete(survey)


def now():
    return datetime.now(UTC) - timedelta(minutes=2)


def test_every_response_is_in_raw_once_with_its_score_and_who_gave_it(survey):
    fill(survey.vendor, 7)
    long = "11805221906112345678"
    survey.vendor.put(long, DAY, stars(5), email_address="c1@x.am", custom_variables={"customer_id": "w1"})
    outcome = survey.load("feedback")
    assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome.message
    is_complete(survey)
    assert survey.ask(
        "select kind, survey, answered_at, email, customer_id, customer_source, highest_score::int from raw.feedback "
        f"where feedback_id = '{long}'"
    ) == [("csat", SURVEY, DAY, "c1@x.am", "w1", "web", 5)]
    survey.vendor.forget_requests()
    again = survey.load("feedback")
    assert (again.rows_sent, again.rows_changed, len(survey.vendor.requests)) == (0, 0, 1)


def test_a_number_that_was_written_is_the_score_and_what_is_no_answer_to_the_question_is_left_out(survey):
    survey.vendor.put("1", DAY, {"text": "3.50"})
    survey.vendor.put("2", DAY, {"text": "none of 5"})
    survey.vendor.put("3", DAY, stars(5), response_status="partial")
    survey.vendor.put("4", DAY, {**stars(2), "text": "9"})
    survey.vendor.put("5", DAY, stars(5), collection_mode="survey_preview")
    assert survey.load("feedback").rows_quarantined == 0
    assert survey.ask("select feedback_id, score::text from raw.feedback order by 1") == [
        ("1", "3.5000"),
        ("4", "2.0000"),
    ]
    records = survey.ask("select _record from landing.one__feedback where _record::json ->> 'id' = '1'")
    assert '"text": "3.50"' in records[0][0]


def test_the_score_of_an_nps_is_what_was_chosen_and_not_its_weight(survey):
    for old, new in (("kind: csat", "kind: nps"), ("lowest: 1", "lowest: 0"), ("highest: 5", "highest: 10")):
        survey.configure(old, new)
    for number in range(11):
        survey.vendor.put(str(number), DAY, nps(number))
    survey.vendor.put("slider", DAY, {"text": "7"})
    assert survey.load("feedback").rows_quarantined == 0
    assert scores(survey) == {**{str(number): number for number in range(11)}, "slider": 7}


def test_an_answer_that_is_edited_comes_again_and_keeps_its_day(survey):
    fill(survey.vendor, 5)
    survey.load("feedback")
    survey.vendor.put("2", now(), stars(1))
    assert survey.load("feedback").rows_changed == 1
    is_complete(survey)
    assert survey.ask("select answered_at from raw.feedback where feedback_id = '2'") == [(DAY,)]


def test_what_changes_while_pages_are_read_takes_no_other_response_with_it(survey):
    fill(survey.vendor, 9)
    changes = ("4", "9", "new", "1", "newer")
    left = iter(changes)

    def change(request):
        if key := next(left, None):
            survey.vendor.put(key, datetime.now(UTC), stars(5))

    survey.vendor.always = change
    survey.load("feedback")
    survey.vendor.always = None
    assert set(scores(survey)) >= {str(number) for number in range(1, 10)} - {*changes}
    survey.load("feedback")
    is_complete(survey)


def test_a_quota_of_a_day_that_is_used_up_stops_the_load_before_it_asks_again_and_the_next_one_goes_on(survey):
    fill(survey.vendor, 9)
    survey.vendor.left["Day"] = 3
    stopped = survey.load("feedback")
    assert stopped.status == "unreadable"
    assert "allows no more requests until" in stopped.message
    assert "a load after that goes on from there" in stopped.message
    assert survey.vendor.left["Day"] == 0  # nobody asked for more than there was
    survey.vendor.left["Day"] = 500
    survey.vendor.forget_requests()
    assert survey.load("feedback").rows_sent == 9
    assert [request.params["page"] for request in survey.vendor.requests] == ["4", "5"]
    is_complete(survey)


def test_a_quota_of_a_minute_is_waited_for(survey):
    fill(survey.vendor, 5)
    survey.vendor.left["Minute"] = 2

    def whole_again(request):
        assert survey.vendor.left["Minute"] == 0
        survey.vendor.left["Minute"] = 120

    survey.vendor.instead[3] = whole_again
    assert survey.load("feedback").status == "published"
    survey.vendor.instead[len(survey.vendor.requests) + 1] = Answer(b"{}", 429)
    assert survey.load("feedback").status == "published"
    is_complete(survey)


def test_a_crash_between_pages_and_answers_that_are_none_lose_nothing(survey):
    fill(survey.vendor, 7)
    for answer in (
        Answer(b"{}", cut_after=0),
        HTML,
        Answer(b'{"data": [{"id": "1"'),
        Answer(b'{"error": {"id": "1050"}}'),
    ):
        survey.vendor.always = lambda request, answer=answer: answer if request.params.get("page") == "3" else None
        assert survey.load("feedback").status == "unreadable"
    survey.vendor.always = None
    survey.vendor.forget_requests()
    assert survey.load("feedback").status == "published"
    assert [request.params["page"] for request in survey.vendor.requests] == ["3", "4"]
    is_complete(survey)


def test_a_page_that_comes_for_ever_stops_the_load(survey):
    fill(survey.vendor, 5)

    def first_page_again(request):
        request.params.pop("page", None)

    survey.vendor.always = first_page_again
    assert "the same 2 records as one before it, so the pages never end" in survey.load("feedback").message


def test_check_says_what_is_wrong_and_what_to_make_at_surveymonkey(survey, monkeypatch):
    fill(survey.vendor, 1)
    assert [one for one in check_source(survey.settings, "one") if one.state == "wrong"] == []
    survey.vendor.has_scope = False
    (finding,) = check_source(survey.settings, "one")
    assert "may not be read with these credentials (403: Permission has not been granted" in finding.sentence
    assert "View Response Details" in finding.to_do
    survey.vendor.has_scope = True
    monkeypatch.setattr("vendors.surveymonkey.TOKEN", "another")
    (finding,) = check_source(survey.settings, "one")
    assert "does not accept the credentials (401" in finding.sentence
    assert "make a private app" in finding.to_do
    assert TOKEN not in finding.sentence + finding.to_do
    monkeypatch.undo()
    survey.settings.path.write_text(survey.settings.path.read_text().replace(f"survey: {SURVEY}", "survey: 1"))
    (finding,) = check_source(load_settings(survey.settings.path), "one")
    assert "is not there (404" in finding.sentence
    assert "Check `survey`" in finding.to_do
