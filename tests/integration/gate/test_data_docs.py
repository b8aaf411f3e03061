"""The pages that Great Expectations draws of the last loads: they open offline, hold no value of a row, and never fail a load."""

import re

from retain import data_docs
from retain.cli.looking import loads_show

BAD = "b1,c1,2025-01-01 10:00,-77.31,EUR,2025-01-01\n"
GOOD = "g1,c1,2025-01-01 10:00,10.00,EUR,2025-01-01\n"
HEADER = "id,customer,at,amount,currency,changed\n"


def loaded(shop, lines):
    shop.write("orders-1.csv", HEADER + lines)
    (outcome,) = [o for o in shop.load() if o.entity == "orders" and not o.is_retry]
    return outcome


def test_the_page_of_a_load_says_what_was_found_and_opens_offline(shop):
    outcome = loaded(shop, BAD + GOOD)
    page = data_docs.path_of(outcome.load_id, shop.settings)
    assert page is not None
    text = page.read_text(encoding="utf-8")
    assert f"Load {outcome.load_id}: orders from shop, 2 rows, 1 of them to quarantine" in text
    assert "gross_amount is negative" in text
    assert not re.search(r"https?://|(src|href)=.?//", text)
    assert "77.31" not in text
    habits = page.with_name(f"load_{outcome.load_id}_habits.html")
    assert "the source is on time" in habits.read_text(encoding="utf-8")


def test_a_load_without_findings_has_a_page_when_it_is_asked_for(shop, capsys):
    outcome = loaded(shop, GOOD)
    folder = data_docs.folder_of(shop.settings)
    assert not (folder / f"load_{outcome.load_id}.html").exists()
    loads_show(shop.settings.path, outcome.load_id)
    assert f"load_{outcome.load_id}.html" in capsys.readouterr().out.replace("\n", "")
    assert (folder / f"load_{outcome.load_id}.html").exists()


def test_pages_are_kept_for_so_many_loads_as_retain_yml_says(shop):
    shop.configure("sources:\n", "gate: {data_docs: 2}\nsources:\n")
    outcomes = [loaded(shop, BAD.replace("b1", f"b{n}")) for n in range(4)]
    pages = [data_docs.path_of(outcome.load_id, shop.settings) for outcome in outcomes]
    assert [page is not None for page in pages] == [False, False, True, True]


def test_a_shop_that_wants_no_pages_gets_none(shop):
    shop.configure("sources:\n", "gate: {data_docs: 0}\nsources:\n")
    assert data_docs.path_of(loaded(shop, BAD).load_id, shop.settings) is None
    assert not data_docs.folder_of(shop.settings).exists()


def test_a_folder_that_cannot_be_written_fails_no_load_and_is_said(shop, caplog):
    folder = data_docs.folder_of(shop.settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("not a folder")
    assert loaded(shop, BAD + GOOD).status == "published"
    assert "could not be made" in caplog.text
