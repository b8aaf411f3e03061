import pytest

from retain.errors import UserError
from retain.sources.copy_text import CHUNK_CHARACTERS, NULL, copy_text


def test_null_and_empty_text_are_told_apart():
    assert b"".join(copy_text([["", NULL, "x"]])) == b'"",,"x"\n'


def test_quotes_commas_and_line_ends_stay_inside_their_value():
    assert b"".join(copy_text([['say "x"', "a,b", "two\r\nlines"]])) == b'"say ""x""","a,b","two\r\nlines"\n'


def test_the_text_that_ends_old_copies_is_only_a_text():
    assert b"".join(copy_text([["\\."]])) == b'"\\."\n'


def test_letters_are_utf8():
    assert b"".join(copy_text([["Արամ", "آرش"]])).decode() == '"Արամ","آرش"\n'


def test_no_rows_are_no_chunks():
    assert list(copy_text([])) == []


def test_many_rows_come_in_chunks_that_end_with_a_row():
    row = ["x" * 1000]
    chunks = list(copy_text([row] * 2000))
    assert len(chunks) > 2
    assert all(chunk.endswith(b'"\n') and len(chunk) < 2 * CHUNK_CHARACTERS for chunk in chunks)
    assert b"".join(chunks).count(b"\n") == 2000


def test_a_zero_character_is_refused_with_its_row():
    with pytest.raises(UserError, match=r"zero character.*second\\0row") as refused:
        list(copy_text([["first row"], ["second\0row"], ["third row"]]))
    assert "third" not in str(refused.value)
