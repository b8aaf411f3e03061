"""`retain quarantine`, `load --from`, `replay`, `status` and `loads`, as a person types and reads them."""

import pytest
from command_line import typed

ORDERS = "id,customer,at,amount,currency,changed\n"


def retain(shop, *arguments):
    return typed(*arguments, RETAIN_CONFIG=str(shop.settings.path))


def test_rows_are_listed_by_rule_released_and_discarded_with_a_reason(shop):
    shop.write(
        "orders-1.csv",
        ORDERS + "o1,c1,2025-01-01 10:00,-5,EUR,\no2,c1,2025-02-31 10:00,5,EUR,\no3,c1,2025-01-01 10:00,-7,EUR,\n",
    )
    shop.load()
    entries = shop.open_entries()
    everything = retain(shop, "quarantine").stdout
    assert "gross_amount is negative" in everything
    assert "gross_amount_not_negative" in everything
    chosen = retain(shop, "quarantine", "list", "--rule", "gross_amount_not_negative", "--entity", "orders").stdout
    assert "2 rows" in chosen
    assert " o3 " in chosen
    assert "o2" not in chosen
    assert "Nothing of that" in retain(shop, "quarantine", "list", "--entity", "payments").stdout
    misspelled = retain(shop, "quarantine", "list", "--source", "other")
    assert misspelled.returncode == 2
    assert "There is no source 'other'" in misspelled.stderr

    without = retain(shop, "quarantine", "release", str(entries["o1"]))
    assert without.returncode == 2
    assert "--reason" in without.stderr
    unfit = retain(shop, "quarantine", "release", str(entries["o2"]), "--reason", "looks right")
    assert unfit.returncode == 2
    assert "ordered_at cannot be read as a moment" in unfit.stderr
    done = retain(shop, "quarantine", "release", str(entries["o1"]), "--reason", "a refund [of the till]")
    assert done.returncode == 0, done.stderr
    assert "Released 1 row: 1 new or changed in raw." in done.stdout
    assert "Discarded 1 row." in retain(shop, "quarantine", "discard", str(entries["o3"]), "--reason", "a test").stdout
    shown = retain(shop, "quarantine", "show", str(entries["o1"])).stdout
    assert "released by" in shown
    assert "a refund [of the till]" in shown
    assert shop.orders() == [("o1", "-5.0000")]


def test_a_backfill_a_replay_and_what_holds_a_source_back_are_said(shop):
    shop.write("orders-1.csv", ORDERS + "o1,c1,2025-01-01 10:00,5,EUR,\n")
    shop.load()
    again = retain(shop, "load", "--from", "2020-01-01", "--entity", "orders")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Fill 2020-01-01 to" in again.stdout
    shop.do("truncate raw.orders")
    rebuilt = retain(shop, "replay", "--all")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert shop.orders() == [("o1", "5.0000")]
    shop.write("orders-2.csv", ORDERS + "".join(f"b{n},c1,2025-01-01 10:00,x,EUR,\n" for n in range(50)))
    shop.load()
    status = retain(shop, "status").stdout
    assert "refused" in status
    assert "shop is complete until" in status
    assert "the others are ahead of orders" in status
    loads = retain(shop, "loads").stdout
    for words in ("backfill", "replay", "all records, rebuilt from 2 loads in landing", "50 of 50 rows fail"):
        assert words in loads


def test_the_first_day_and_the_last_that_there_are_can_be_typed(database_shop):
    database_shop.configure("timezone: UTC", "timezone: Asia/Yerevan")
    database_shop.configure("cursor: changed", "cursor: changed::date")
    database_shop.load(entities=["customers"])
    again = retain(database_shop, "load", "--from", "0001-01-01", "--to", "9999-12-31", "--entity", "orders")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Fill 0001-01-01 to 9999-12-30 again" in again.stdout
    assert len(database_shop.orders()) == 40


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("load", "--from", "2025-13-01"), '--from "2025-13-01" is not a day'),
        (("load", "--to", "2025-01-01"), "needs its beginning too"),
        (("load", "--from", "2025-01-02", "--to", "2025-01-02"), "holds no day"),
        (("load", "--from", "9999-12-31"), "holds no day"),
        (("load", "--full", "--from", "2025-01-02"), "only one of them can be meant"),
        (("load", "--nonsense"), "No such option"),
        (("replay",), "Say what to rebuild"),
        (("replay", "--all", "--load", "1"), "Say what to rebuild"),
        (("replay", "--source", "shoop"), "There is no source 'shoop'"),
        (("quarantine", "release", "7", "--reason", "x"), "There is no entry 7"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence_and_exit_code_2(shop, command, words):
    answer = retain(shop, *command)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
