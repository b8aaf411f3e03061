"""What the web shop's database, the tills' files and the truth hold at the end of a day."""

import csv
import io
import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import phonenumbers
import pytest

from retain.demo import wrong
from retain.demo.clock import Clock, day_number
from retain.demo.contacts import COUNTRIES, PLACEHOLDER_EMAIL, mobile, written
from retain.demo.database import TABLES
from retain.demo.dice import Dice
from retain.demo.shop import KEY_COLUMNS, shop_tables
from retain.demo.text import copy_text
from retain.demo.tills import STORE_PHONES, receipt_numbers, till_files

UNTIL = date(2024, 12, 31)
CUT = datetime.fromisoformat("2024-12-31T20:00:00+00:00")
WAYS = range(5)


def column_names(table: str) -> list[str]:
    parts = re.sub(r"primary key \(.*?\)|\(12, 2\)|\(18, 8\)", "", TABLES[table]).split(",")
    return [part.split()[0] for part in parts if part.strip()]


def rows_of(shop: Any, table: str) -> list[dict[str, str | None]]:
    names = column_names(table)
    assert len(names) == len(shop.tables[table])
    return [dict(zip(names, values, strict=True)) for values in zip(*shop.tables[table], strict=True)]


def rows_in(shop: Any, kind: str) -> list[dict[str, str]]:
    """All rows of the daily files of a kind, with the file's day as `_day`."""
    rows = []
    for name, text in sorted(shop.files.items()):
        if name.startswith(f"{kind}/"):
            rows += [{**row, "_day": name[-14:-4]} for row in csv.DictReader(io.StringIO(text))]
    return rows


def latest_rows(rows: list[dict[str, str]], *keys: str) -> dict[tuple[str, ...], dict[str, str]]:
    return {tuple(row[key] for key in keys): row for row in rows}


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("way", WAYS)
def test_a_phone_written_any_of_five_ways_is_still_that_phone(country: str, way: int) -> None:
    for number, variant in itertools.product(range(0, 400_000, 7_001), range(4)):
        prefix, national = mobile(country, number)
        parsed = phonenumbers.parse(written(prefix, national, style=way, variant=variant), "AM")
        assert phonenumbers.is_valid_number(parsed), (prefix, national)
        assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == f"+{prefix}{national}"


def test_no_two_people_share_a_phone() -> None:
    for country in COUNTRIES:
        numbers = [mobile(country, number) for number in range(0, 400_000, 4)]
        assert len(set(numbers)) == len(numbers), country


def test_phones_and_names_come_in_the_scripts_of_the_shop_s_customers(shop: Any) -> None:
    customers = rows_of(shop, "customers")
    phones = " ".join(row["phone"] or "" for row in customers)
    names = " ".join(f"{row['first_name']} {row['last_name']}" for row in customers)
    assert re.search("[۰-۹]", phones), "no Persian digits"
    assert re.search("[٠-٩]", phones), "no Arabic-Indic digits"
    for pattern in (r"\+374\d{8}", r"00374\d{8}", r"\b0\d{8}\b", r"\(0\d\d\) \d{3}-\d{3}"):
        assert re.search(pattern, phones), pattern
    assert re.search("[Ա-Ֆա-և]", names), "no Armenian script"
    assert re.search("[آ-ی]", names), "no Persian script"
    assert re.search("[A-Za-z]", names), "no Latin script"


def test_addresses_differ_in_case_and_blanks_and_are_somebody_s_own_but_for_the_placeholder(shop: Any) -> None:
    accounts = [row["email"] or "" for row in rows_of(shop, "customers")]
    assert any(one != one.lower() for one in accounts)
    assert any(one != one.strip() for one in accounts)
    assert len({one.strip().lower() for one in accounts}) == len(accounts)
    cards = latest_rows(rows_in(shop, "members"), "card").values()
    own = [row["email"].strip().lower() for row in cards if row["email"] not in ("", PLACEHOLDER_EMAIL)]
    assert len(set(own)) == len(own)


def test_nothing_is_dated_after_the_last_day(shop: Any) -> None:
    for table in TABLES:
        for row in rows_of(shop, table):
            for name, value in row.items():
                if name.endswith("_at") and value is not None:
                    assert datetime.fromisoformat(value) < CUT, (table, row)
                if name.endswith("_on") and value is not None:
                    assert date.fromisoformat(value) <= UNTIL
    for name, text in shop.files.items():
        days = re.findall(r"\b(20\d\d-\d\d-\d\d)\b", name + text)
        assert max(days, default="") <= str(UNTIL), name


def test_updated_at_never_lies_before_what_the_row_tells(shop: Any) -> None:
    for table in TABLES:
        for row in rows_of(shop, table):
            told = [row[name] for name in row if name.endswith("_at") and name != "updated_at" and row[name]]
            assert all(one <= row["updated_at"] for one in told), (table, row)
    assert any(row["updated_at"] > row["created_at"] for row in rows_of(shop, "orders"))
    assert any(row["created_at"] > row["ordered_at"] for row in rows_of(shop, "orders")), "no order arrived late"


def test_an_order_s_lines_add_up_to_it(shop: Any) -> None:
    gross: dict[str, Decimal] = defaultdict(Decimal)
    discount: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows_of(shop, "order_items"):
        gross[row["order_id"]] += Decimal(row["unit_price"]) * int(row["quantity"])
        discount[row["order_id"]] += Decimal(row["discount"])
    orders = rows_of(shop, "orders")
    assert all(gross[row["order_id"]] == Decimal(row["subtotal"]) for row in orders)
    assert all(discount[row["order_id"]] == Decimal(row["discount_total"]) for row in orders)
    assert gross.keys() == {row["order_id"] for row in orders}


def test_a_status_says_what_happened_to_the_order(shop: Any) -> None:
    returned: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows_of(shop, "returns"):
        returned[row["order_id"]] += Decimal(row["amount"])
    seen = set()
    for row in rows_of(shop, "orders"):
        net, back = Decimal(row["subtotal"]) - Decimal(row["discount_total"]), returned[row["order_id"]]
        seen.add(row["status"])
        expected = {"refunded": back == net, "partially_refunded": 0 < back < net}
        assert expected.get(row["status"], back == 0), row
    assert seen == {"pending", "paid", "partially_refunded", "refunded", "cancelled", "fraud"}


def test_guests_state_an_address_a_phone_both_or_nothing(shop: Any) -> None:
    guests = [row for row in rows_of(shop, "orders") if row["customer_id"] is None]
    stated = Counter((row["email"] is not None, row["phone"] is not None) for row in guests)
    assert len(stated) == 4
    assert all(row["email"] is None for row in rows_of(shop, "orders") if row["customer_id"] is not None)


def test_only_the_second_currency_has_rates_and_none_on_weekends(shop: Any) -> None:
    rates = rows_of(shop, "exchange_rates")
    assert {row["currency"] for row in rates} == {"AMD"}
    assert all(date.fromisoformat(row["rate_on"]).weekday() < 5 for row in rates)
    assert all(Decimal("0.0020") < Decimal(row["rate"]) < Decimal("0.0027") for row in rates)
    first_order = min(row["ordered_at"] for row in rows_of(shop, "orders"))
    assert min(row["rate_on"] for row in rates) < first_order[:10]


def test_a_till_s_file_has_one_version_of_a_receipt_and_a_later_file_may_correct_it(shop: Any) -> None:
    days_of: dict[str, set[str]] = defaultdict(set)
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows_in(shop, "sales"):
        days_of[row["receipt"]].add(row["_day"])
        lines[row["receipt"], row["_day"]].append(row["line"])
        assert row["sent_at"][:10] == row["_day"] >= row["receipt"][4:8]
    assert all(len(set(numbers)) == len(numbers) for numbers in lines.values())
    sent_again = [receipt for receipt, days in days_of.items() if len(days) == 2]
    assert sent_again
    assert max(len(days) for days in days_of.values()) == 2
    # All its lines come again: a receipt of two files is never put together from both.
    assert all(len({tuple(lines[receipt, day]) for day in days_of[receipt]}) == 1 for receipt in sent_again)


def test_some_receipts_reach_their_till_s_file_late(shop: Any) -> None:
    first_day: dict[str, str] = {}
    for row in rows_in(shop, "sales"):
        first_day.setdefault(row["receipt"], row["_day"].replace("-", ""))
    late = [receipt for receipt, day in first_day.items() if receipt[4:12] < day]
    assert 0 < len(late) < 0.02 * len(first_day)


def test_a_member_comes_again_when_something_changes(shop: Any) -> None:
    versions: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows_in(shop, "members"):
        versions[row["card"]].append(row)
    changed = set()
    for rows in versions.values():
        for before, after in itertools.pairwise(rows):
            kept = ("first_name", "last_name", "phone", "registered_at")
            assert [before[name] for name in kept] == [after[name] for name in kept]
            changed |= {name for name in ("tier", "consent", "status", "email") if before[name] != after[name]}
    assert changed == {"tier", "consent", "status", "email"}


def test_exactly_the_wrong_rows_that_the_truth_names_are_wrong(shop: Any) -> None:
    found = []
    accounts = {row["customer_id"] for row in rows_of(shop, "customers")} | {None}
    for row in rows_of(shop, "orders"):
        if row["customer_id"] not in accounts:
            found.append(("webshop", row["order_id"], wrong.WHAT[wrong.UNKNOWN_CUSTOMER]))
        if row["currency"] not in ("EUR", "AMD"):
            found.append(("webshop", row["order_id"], wrong.WHAT[wrong.UNKNOWN_CURRENCY]))
    cards = {row["card"] for row in rows_in(shop, "members")} | {""}
    seen = set()
    for row in rows_in(shop, "sales"):
        if row["card"] not in cards:
            seen.add((row["receipt"], wrong.WHAT[wrong.UNKNOWN_CARD]))
        if row["currency"] not in ("EUR", "AMD"):
            seen.add((row["receipt"], wrong.WHAT[wrong.TILL_CURRENCY]))
        if not re.fullmatch(r"\d+(\.\d\d)?", row["price"]):
            seen.add((row["receipt"], wrong.WHAT[wrong.TEXT_FOR_NUMBER]))
        if row["sold_at"][5:10] == "02-31":
            seen.add((row["receipt"], wrong.WHAT[wrong.NO_SUCH_DAY]))
    found += [("tills", receipt, what) for receipt, what in seen]
    truth = shop.truth["wrong_rows"].to_pylist()
    assert sorted(found) == sorted((row["source"], row["order_id"], row["what"]) for row in truth)
    assert {row["what"] for row in truth} == set(wrong.WHAT[1:])


def test_a_shop_of_full_size_has_twenty_to_forty_wrong_orders_and_then_no_more() -> None:
    three_years, ten_years = (Clock(date(2023, 1, 15), date(year, 1, 14)) for year in (2026, 2033))
    errors, _, _ = wrong.schedule(Dice(20250101), three_years, 20_000)
    assert 20 <= len(errors) <= 40
    assert len(wrong.schedule(Dice(20250101), ten_years, 20_000)[0]) == len(errors)


def test_a_price_that_was_text_comes_again_as_a_number(shop: Any) -> None:
    mended = [row for row in shop.truth["wrong_rows"].to_pylist() if row["corrected_on"] is not None]
    assert mended
    latest = latest_rows(rows_in(shop, "sales"), "receipt", "line")
    for row in mended:
        again = latest[row["order_id"], "1"]
        assert again["_day"] == str(row["corrected_on"])
        assert Decimal(again["price"]) > 0


def test_the_truth_covers_every_identity_and_invents_none(shop: Any) -> None:
    accounts = {f"webshop:{row['customer_id']}" for row in rows_of(shop, "customers")}
    cards = {f"tills:{row['card']}" for row in rows_in(shop, "members")}
    stated = {
        f"webshop:order:{row['order_id']}"
        for row in rows_of(shop, "orders")
        if row["customer_id"] is None and (row["email"] or row["phone"])
    }
    stated |= {
        f"storefront:order:{one['legacyResourceId']}"
        for one in shop.things("storefront/orders")
        if one["customer"] is None and (one["email"] or one["phone"])
    }
    for system, collection, key in (
        ("storefront", "customers", "legacyResourceId"),
        ("helpdesk", "users", "id"),
        ("points", "customers", "id"),
    ):
        accounts |= {f"{system}:{one[key]}" for one in shop.things(f"{system}/{collection}")}
    identities = shop.truth["identities"].to_pylist()
    named = [row["source_id"] for row in identities]
    assert len(set(named)) == len(named)
    assert accounts | cards | stated <= set(named)
    nameless = [row for row in identities if row["source_id"] not in accounts | cards | stated]
    assert all(row["kind"] == "guest_order" and not row["can_be_joined"] for row in nameless)
    persons = {row["person_id"] for row in shop.truth["persons"].to_pylist()}
    buyers = {row["person_id"] for row in identities if row["kind"] in ("account", "card")}
    assert buyers <= persons


def plain(text: str) -> str:
    return "".join(str(unicodedata.digit(one)) if one.isdigit() else one for one in text).strip().lower()


def as_compared(email: str) -> str:
    name, domain = plain(email).split("@")
    return f"{name.split('+')[0].replace('.', '') if domain == 'inbox.example' else name}@{domain}"


def as_dialled(phone: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(phone, "AM"), phonenumbers.PhoneNumberFormat.E164)


def test_joined_groups_are_what_equal_addresses_phones_and_cards_of_one_person_connect(shop: Any) -> None:
    """The truth's groups, computed from people, against a plain search over the texts in the systems."""
    said: dict[str, set[str]] = defaultdict(set)
    person = {row["source_id"]: row["person_id"] for row in shop.truth["identities"].to_pylist()}
    of_stores = {as_dialled(phone) for phone in STORE_PHONES}

    def say(identity: str, email: str | None, phone: str | None, card: str | None) -> None:
        said[identity].add(f"itself:{identity}")
        words = [as_compared(email)] if email and email != PLACEHOLDER_EMAIL else []
        words += [as_dialled(phone)] if phone and as_dialled(phone) not in of_stores else []
        words += [re.sub(r"[^a-z0-9]", "", plain(card))] if card else []
        said[identity].update(f"{person[identity]} {word}" for word in words)

    for row in rows_of(shop, "customers"):
        say(f"webshop:{row['customer_id']}", row["email"], row["phone"], row["loyalty_card"])
    for row in latest_rows(rows_in(shop, "members"), "card").values():
        say(f"tills:{row['card']}", row["email"], row["phone"], row["card"])
    for row in rows_of(shop, "orders"):
        if row["customer_id"] is None and f"webshop:order:{row['order_id']}" in person:
            say(f"webshop:order:{row['order_id']}", row["email"], row["phone"], None)
    for one in shop.things("storefront/customers"):
        phone = one["defaultPhoneNumber"] and one["defaultPhoneNumber"]["phoneNumber"]
        say(f"storefront:{one['legacyResourceId']}", one["defaultEmailAddress"]["emailAddress"], phone, None)
    for one in shop.things("storefront/orders"):
        if one["customer"] is None and f"storefront:order:{one['legacyResourceId']}" in person:
            say(f"storefront:order:{one['legacyResourceId']}", one["email"], one["phone"], None)
    for one in shop.things("helpdesk/users"):
        say(f"helpdesk:{one['id']}", one["email"], one["phone"], None)
    for one in shop.things("points/customers"):
        say(f"points:{one['id']}", one["email"], None, None)
    holders: dict[str, list[str]] = defaultdict(list)
    for identity, words in said.items():
        for word in words:
            holders[word].append(identity)
    group_of: dict[str, int] = {}
    for number, identity in enumerate(said):
        waiting = [identity]
        while waiting:
            one = waiting.pop()
            if one not in group_of:
                group_of[one] = number
                waiting += [other for word in said[one] for other in holders[word]]
    truth = {row["source_id"]: row["joined_group"] for row in shop.truth["identities"].to_pylist()}
    known = sorted(group_of.keys() & truth.keys())
    assert len(known) > 1_000
    pairs = {(group_of[one], truth[one]) for one in known}
    assert len(pairs) == len({ours for ours, _ in pairs}) == len({theirs for _, theirs in pairs})
    assert len({(truth[one], person[one]) for one in known}) == len({truth[one] for one in known}), "two people in one"


def test_families_share_a_phone_cashiers_type_the_stores_and_people_enter_their_card_online(shop: Any) -> None:
    identities = {row["source_id"]: row for row in shop.truth["identities"].to_pylist()}
    people_of: dict[str, set[str]] = defaultdict(set)
    for row in rows_of(shop, "customers"):
        if row["phone"]:
            people_of[as_dialled(row["phone"])].add(identities[f"webshop:{row['customer_id']}"]["person_id"])
    members = latest_rows(rows_in(shop, "members"), "card").values()
    for row in members:
        if row["phone"]:
            people_of[as_dialled(row["phone"])].add(identities[f"tills:{row['card']}"]["person_id"])
    of_stores = {as_dialled(phone) for phone in STORE_PHONES}
    assert max(len(people_of[phone]) for phone in of_stores) > 1
    shared = [people for phone, people in people_of.items() if len(people) > 1 and phone not in of_stores]
    sharing = {row["person_id"] for row in identities.values() if row["shares_phone"]}
    assert shared
    assert {one for people in shared for one in people} <= sharing
    entered = [row for row in rows_of(shop, "customers") if row["loyalty_card"]]
    assert len(entered) > 50
    for row in entered:
        card = re.sub(r"[^a-z0-9]", "", plain(row["loyalty_card"])).upper()
        account = identities[f"webshop:{row['customer_id']}"]
        assert identities[f"tills:{card}"]["person_id"] == account["person_id"]
        assert account["can_be_joined"]


def test_every_purchase_of_the_truth_stands_in_its_system(shop: Any) -> None:
    orders = {f"webshop:{row['order_id']}" for row in rows_of(shop, "orders")}
    receipts = {f"tills:{row['receipt']}" for row in rows_in(shop, "sales")}
    abroad = {f"storefront:{one['legacyResourceId']}" for one in shop.things("storefront/orders")}
    purchases = shop.truth["purchases"].to_pylist()
    assert {row["source_id"] for row in purchases} <= orders | receipts | abroad
    assert {row["source_id"].partition(":")[0] for row in purchases} == {"webshop", "tills", "storefront"}
    assert len({row["source_id"] for row in purchases}) == len(purchases)
    assert all(0 <= row["returned_amount"] <= row["net_amount"] + 1e-6 for row in purchases)
    assert all(row["occasion_on"] <= UNTIL for row in purchases)


@pytest.mark.parametrize("later_by", [1, 60])
def test_a_shop_continued_equals_a_shop_filled_at_once(until_day: Callable[..., Any], later_by: int) -> None:
    early, late = until_day(UNTIL - timedelta(days=later_by)), until_day(UNTIL)
    changes = shop_tables(late.simulation, late.numbered, early.simulation.clock.cut)
    for table in TABLES:
        keys = KEY_COLUMNS.get(table, 1)
        rows = {row[:keys]: row for row in zip(*early.tables[table], strict=True)}
        rows |= {row[:keys]: row for row in zip(*changes[table], strict=True)}
        assert rows == {row[:keys]: row for row in zip(*late.tables[table], strict=True)}, table
    since = day_number(UNTIL - timedelta(days=later_by))
    new = dict(till_files(late.simulation, receipt_numbers(late.simulation), since))
    assert all(name == "products.csv" or name[-14:-4] > str(UNTIL - timedelta(days=later_by)) for name in new)
    assert early.files | new == late.files


def test_no_text_needs_an_escape(shop: Any) -> None:
    for columns in shop.tables.values():
        for column in columns:
            assert not any(re.search(r"[\t\n\r\\]", value) for value in column if value)
    for name, text in shop.files.items():
        if name != "products.csv":
            rows = list(csv.reader(io.StringIO(text)))
            assert all(len(row) == len(rows[0]) for row in rows), name
            assert '"' not in text


def test_copy_text_writes_null_as_copy_reads_it() -> None:
    assert copy_text([["1", "2"], ["a", None]]) == "1\ta\n2\t\\N\n"
