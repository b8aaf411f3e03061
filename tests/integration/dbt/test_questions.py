"""Every query of docs/questions.md runs on the marts, as the role that BI tools use, and answers in the columns that the page shows."""

import re
from pathlib import Path

import psycopg
import pytest

from retain.warehouse import bi_dsn

PAGE = Path(__file__).resolve().parents[3] / "docs" / "questions.md"
# What was seen fewer than twenty times is left out, and a small shop may have seen nothing more often.
MAY_BE_EMPTY = {"What goes with what?", "What do customers buy next?"}


def questions():
    """(question, query, columns of the printed answer) of every section that has a query."""
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        for query, header in re.findall(r"```sql\n(.*?)```\n\n\| (.*?) \|\n", text, re.DOTALL):
            yield title, query, header.split(" | ")


def test_every_question_of_the_page_has_an_answer_below_its_query():
    text = PAGE.read_text(encoding="utf-8")
    assert len(list(questions())) == text.count("```sql") == text.count("\n## ") - 1


@pytest.mark.parametrize(("title", "query", "columns"), [pytest.param(*one, id=one[0]) for one in questions()])
def test_the_query_answers_in_the_columns_of_the_page(from_everything, title, query, columns):
    with psycopg.connect(**bi_dsn(from_everything.settings)) as connection:
        cursor = connection.execute(query.encode())
        assert [column.name for column in cursor.description or []] == columns
        assert cursor.fetchall() or title in MAY_BE_EMPTY
