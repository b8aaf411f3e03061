import pytest

from retain.sources.mentions import column_of, mentioned


@pytest.mark.parametrize(
    ("expression", "column"),
    [
        ("total", "total"),
        (" total ", "total"),
        ("Unit Price", "Unit Price"),
        ('"Unit Price"', "Unit Price"),
        ('"say ""x"""', 'say "x"'),
        ("գումար", "գումար"),
        ("total::numeric", None),
        ("total + 1", None),
        ("'paid'", None),
        ("current_date", None),
        ("_line", None),
        ("null", None),
        ("is_paid is not null", None),
        ("7", None),
    ],
)
def test_an_expression_that_is_only_a_column_is_known_as_one(expression, column):
    assert column_of(expression) == column


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("total::numeric - discount", {"total", "discount"}),
        ("coalesce(TOTAL, '0')", {"total"}),
        ("'total'", set()),
        ("'it''s total' || discount", {"discount"}),
        ("$$total$$", set()),
        ("$x$total$x$ || discount", {"discount"}),
        ("1 -- total\n + discount", {"discount"}),
        ("1 /* total */", set()),
        ('"Unit Price"::numeric', {"Unit Price"}),
        ('"total"', {"total"}),
        ("Unit Price", {"Unit Price"}),
        ("subtotal", set()),
    ],
)
def test_columns_are_found_inside_expressions_and_not_inside_texts(expression, columns):
    assert mentioned(expression, ["total", "discount", "Unit Price"]) == columns
