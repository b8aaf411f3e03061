"""A file of JSON lines on its way: every record as sent; cut off anywhere, it is never taken for whole."""

import csv
import io
import json
import tracemalloc

import pytest
from vendors.server import HTML, Answer, Vendor, running

from retain.errors import OutOfReach
from retain.sources import http_client, http_lines
from retain.sources.http_lines import CutOff, Export, Rows, records_from
from retain.sources.http_records import Record, record_of

LINES = [f'{{"id": {number}, "name": "Անի {number}", "total": 10.10}}' for number in range(1, 41)]
FILE = "\n".join(LINES).encode()


class Files(Vendor):
    body = FILE

    def answer(self, request):
        return Answer(self.body)


@pytest.fixture
def files(monkeypatch):
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(http_lines, "CHUNK_BYTES", 64)
    with running(Files()) as vendor:
        yield vendor


def texts(vendor, size=None, after=0):
    export = Export("shop", f"{vendor.url}/file?signature=s3cret", size)
    return [record.text for record in records_from(export, after)]


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n\n"])
def test_every_line_is_a_record_as_it_was_sent(files, ending):
    files.body = FILE + ending
    assert [text.strip() for text in texts(files, len(files.body))] == LINES
    assert texts(files, after=38) == texts(files)[38:]


@pytest.mark.parametrize("cut", range(1, len(FILE), 97))
def test_a_file_that_ends_too_early_is_refused_wherever_it_is_cut(files, cut):
    files.body = FILE[:cut]
    with pytest.raises(CutOff, match="was cut off") as refusal:
        texts(files, len(FILE))
    assert "s3cret" not in str(refusal.value)
    assert len(files.requests) == http_lines.ATTEMPTS


def test_a_connection_that_breaks_is_asked_again_for_what_is_left(files):
    files.instead[1] = Answer(FILE, cut_after=1000)
    files.instead[2] = Answer(FILE, cut_after=1500)
    assert texts(files) == LINES


def test_a_line_that_is_no_json_and_a_page_of_html_are_told_apart_from_a_short_file(files):
    files.body = "\n".join([*LINES[:3], "terminated early", *LINES[3:]]).encode()
    with pytest.raises(OutOfReach, match="no JSON, in line 4"):
        texts(files)
    files.always = lambda request: HTML
    with pytest.raises(OutOfReach, match="a login page, a firewall"):
        texts(files)


def test_memory_is_that_of_a_chunk_however_long_the_file(files, monkeypatch):
    monkeypatch.setattr(http_lines, "CHUNK_BYTES", 1 << 14)

    def peak(lines):
        files.body = "".join(json.dumps({"id": number, "text": "x" * 200}) + "\n" for number in range(lines)).encode()
        tracemalloc.start()
        for _ in records_from(Export("shop", f"{files.url}/file", None)):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest - len(files.body)  # the server's own copy is not ours

    assert peak(40_000) < peak(4_000) + 500_000


def test_rows_are_what_postgres_reads_them_as():
    rows = Rows("a", 'asked "x"')
    rows.add(record_of('{"a": "b\\"c"}'), 1)
    rows.add(Record("[1]", None, "is no object"), 2)
    first, second = csv.reader(io.StringIO(rows.taken().decode()))
    assert first[:5] == ['{"a": "b\\"c"}', "a", "1", "", 'asked "x"']
    assert second[:5] == ["", "a", "2", "is no object", 'asked "x"']
    assert (rows.count, rows.taken()) == (0, b"")
