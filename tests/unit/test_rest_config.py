"""A `rest` source of retain.yml: what is wrong with it is said by line, and nothing it needs is imported to say so."""

import os
import subprocess
import sys

import pytest

from retain.config import load_settings
from retain.errors import UserError

HEAD = """\
business: {timezone: UTC, reporting_currency: EUR}
sources:
  - name: crm
    type: rest
    url: https://crm.example/api
    auth: {type: bearer, token: "${TOKEN}"}
    rate: {requests: 5, seconds: 1}
    entities:
      customers:
        path: contacts
        records: data
        params: {sort: id}
        window: {since: from, until: to}
        paging: {style: cursor, next: meta.next, param: after}
        find_deleted: true
        fields: {customer_id: id, email: "lower(\\"contact.email\\")"}
"""


@pytest.fixture
def load(tmp_path):
    def load(old="", new=""):
        assert old in HEAD
        path = tmp_path / "retain.yml"
        path.write_text(HEAD.replace(old, new))
        return load_settings(path, {"TOKEN": "open sesame"})

    return load


def test_a_source_is_read_as_it_was_written(load):
    source = load().source("crm")
    assert source.auth.token.get_secret_value() == "open sesame"
    assert source.entities["customers"].paging.next == "meta.next"
    assert "open sesame" not in repr(source)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("https://crm", "http://crm", "5  sources.crm.url: over http:// whoever is on the way reads the secret"),
        (
            "    auth",
            "    links_at: crm.example\n    auth",
            '6  sources.crm.links_at: found "crm.example"; wanted one that begins',
        ),
        ("https://crm.example/api", "crm.example", "5  sources.crm.url: found"),
        ("https://crm", "https://me:pw@crm", "5  sources.crm.url: the address holds more than host and path"),
        ("bearer", "berer", "6  sources.crm.auth: found type"),
        ("token:", "tocken:", "6  sources.crm.auth.tocken: no such key; allowed: type, token; did you mean token?"),
        ("{type: bearer, token:", "{type: api_key, key:", "6  sources.crm.auth: `header` or `query` is needed"),
        (
            "{type: bearer, token:",
            "{type: api_key, header: a, query: b, key:",
            "6  sources.crm.auth: both `header` and `query` are given",
        ),
        ("requests: 5", "requests: 0", "7  sources.crm.rate.requests: found"),
        (
            "rate:",
            "headers: {X-Api-Key: abc}\n    rate:",
            "7  sources.crm.headers.X-Api-Key: a secret belongs in `auth`",
        ),
        ("path: contacts", "path: https://crm.example/contacts", "10  sources.crm.entities.customers.path: wanted"),
        (
            "{sort: id}",
            '{key: "${TOKEN}"}',
            "12  sources.crm.entities.customers.params.key: a value of the environment",
        ),
        ("since: from", "cursor: changed", "13  sources.crm.entities.customers.window: `since` is needed"),
        ("next: meta.next, ", "", "14  sources.crm.entities.customers.paging: style cursor needs `next`"),
        ("style: cursor", "style: curser", "did you mean cursor?"),
        ("param: after", "param: after, more: a, end: b", "both `more` and `end` are given; keep one"),
        (
            "param: after",
            "total: count",
            "14  sources.crm.entities.customers.paging.total: style page or offset, with `size`",
        ),
        (
            "param: after",
            "carry: {session: id}",
            "14  sources.crm.entities.customers.paging.carry: style cursor has no numbers",
        ),
        ("param: after", "size_param: limit", "14  sources.crm.entities.customers.paging.size_param: `size` is needed"),
        ("{style: cursor, next: meta.next, ", "{style: link_header, ", "follows the link as it comes"),
        ("customer_id: id", "customer_id: id || 'x'", "customer_id must be a plain path, and it is an expression"),
        ("customer_id: id", f"customer_id: {'a' * 64}", "a path longer than 63 bytes"),
        ("since: from", "since: from, template: 'after({since})'", "wanted a text with {since} and {until} in it"),
        (
            "{style: cursor, next: meta.next, param: after}",
            "{style: page, keep: true}",
            "style page has no cursor to keep",
        ),
        ("params: {sort: id}", "params: {sort: id}\n        each: lines\n        related: included", "keep one"),
        ("params: {sort: id}", 'start: {key: "${TOKEN}"}', "a value of the environment is taken for a secret"),
        (
            "params: {sort: id}",
            "export: {format: jsonl, first_day: 2024-01-01, at_once: 1}",
            "12  sources.crm.entities.customers.export: `window` with `since`, `until` and `format` day or hour is needed",
        ),
        (
            "params: {sort: id}",
            "export: {format: jsonl, first_day: 2024-01-01, at_once: 1}",
            "paging: an export has no pages",
        ),
        ("params: {sort: id}", "export: {format: jsonl, first_day: soon, at_once: 1}", "export.first_day: found"),
        ("params: {sort: id}", 'body: \'{"a": "${TOKEN}"}\'', "a value of the environment is taken for a secret"),
        (
            "params: {sort: id}",
            "body: '{\"a\": }'",
            "12  sources.crm.entities.customers.body: wanted JSON: Expecting value",
        ),
        (
            "params: {sort: id}",
            "body: '{\"a\": {after}}'",
            "{after} is no parameter of the first request; write `start: {after:",
        ),
        (
            "{style: cursor, next: meta.next, param: after}",
            '{style: next_link, next: next}\n        body: \'{"a": "{from}"}\'',
            "style next_link follows a link, which a body cannot be sent with",
        ),
        ("window: {since: from, until: to}", "changes: {path: search}", "changes: `window` is needed beside it"),
        (
            "params: {sort: id}",
            "changes: {path: search, paging: {style: cursor, next: next, keep: true}}",
            "changes: a cursor that is kept needs no other list",
        ),
        (
            "params: {sort: id}",
            "changes: {path: search, boddy: '{}'}",
            "no such key; allowed: params, start, body, form, paging",
        ),
        ("params: {sort: id}", "form: [sort]\n        body: '{}'", "form: both `body` and `form` are given"),
        (
            "params: {sort: id}",
            "form: [sort]\n        paging: {style: next_link, next: next}",
            "form: style next_link follows a link, which a form cannot be sent with",
        ),
        ("params: {sort: id}", "changes: {path: search, paging: {stile: page}}", "no such key; allowed: style, param"),
        ("params: {sort: id}", "changes: {path: https://a.b/c}", "customers.changes.path: wanted a path below `url`"),
        ("params: {sort: id}", f"deleted: {'a' * 64} = '1'", "deleted: a path longer than 63 bytes"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(load, old, new, words):
    with pytest.raises(UserError) as refused:
        load(old, new)
    assert words in str(refused.value)
    assert "open sesame" not in str(refused.value)


def test_an_expression_may_be_folded_over_several_lines(load):
    old = """        fields: {customer_id: id, email: "lower(\\"contact.email\\")"}"""
    new = "        fields:\n          customer_id: id\n          email: >-\n            coalesce(a,\n            b)"
    assert load(old, new).source("crm").entities["customers"].fields["email"] == "coalesce(a, b)"


def test_a_system_of_ones_own_network_may_be_asked_without_tls(load):
    assert load("    auth", "    links_at: http://crm.example\n    auth").source("crm").links_at == "http://crm.example"
    for host in ("http://crm", "http://crm.local/api", "http://192.168.1.5:8080", "http://127.0.0.1"):
        assert load("https://crm.example/api", host).source("crm").url == host


def test_what_is_not_said_of_a_list_is_no_other_list_to_read_whole(load):
    shape = load("params: {sort: id}", "changes: {path: search}").source("crm").entities["customers"]
    assert shape.changes is not None
    assert '"form"' not in shape.model_dump_json(exclude_none=True)  # of which the source's fingerprint is made


def test_dlt_is_not_imported_where_no_system_is_asked(load):
    path = load().path
    script = (
        "import sys; from pathlib import Path; from retain.config import load_settings; from retain.cli import app; "
        f"from retain.loads import entities_of; from retain.sources import open_source; one = load_settings(Path({str(path)!r})); "
        "entities_of(one, 'crm'); assert not {'dlt', 'requests'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "TOKEN": "x"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
