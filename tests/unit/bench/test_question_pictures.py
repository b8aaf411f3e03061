"""Every question of the page has a picture, drawn from the answer that is printed there."""

import pytest

from bench.questions import DRAWN, PAGE, PICTURES, answers, bars_of, file_name

PRINTED = list(answers(PAGE.read_text(encoding="utf-8")))


def test_every_answer_of_the_page_is_drawn_and_nothing_else():
    assert [title for title, _, _ in PRINTED] == list(DRAWN)
    assert {path.name for path in PICTURES.glob("*.svg")} == {file_name(title) for title in DRAWN}


@pytest.mark.parametrize(("title", "header", "rows"), PRINTED, ids=[one[0] for one in PRINTED])
def test_the_picture_below_an_answer_shows_its_names_and_numbers(title, header, rows):
    assert f"![{title}](images/questions/{file_name(title)})" in PAGE.read_text(encoding="utf-8")
    names, value = DRAWN[title]
    chosen = bars_of(header, rows, names, value)
    drawn = (PICTURES / file_name(title)).read_text(encoding="utf-8")
    assert chosen
    assert {bar.text for bar in chosen if f">{bar.text}<" not in drawn} == set()


def test_a_bar_is_as_long_as_its_number_and_a_row_without_one_has_none():
    bars = bars_of(["step", "money"], [["1", "1,234.50"], ["2", ""], ["3", "-5"]], ["step"], "money")
    assert [(bar.name, bar.value, bar.text) for bar in bars] == [("1", 1234.5, "1,234.50"), ("3", -5.0, "-5")]
