import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import yaml
from babel.numbers import list_currencies

import retain.config as config
from retain.config import load_settings
from retain.config.currencies import CURRENCIES
from retain.errors import UserError
from retain.transform import PROJECT, variables

GOOD = """\
business:
  name: Arax
  timezone: Asia/Yerevan
  reporting_currency: AMD
sources:
  - name: shop
    type: sql
    url: postgresql://retain:${SHOP_PASSWORD}@localhost/shop
    entities:
      orders:
        table: public.orders
        cursor: updated_at
        fields:
          order_id: id
          ordered_at: created_at
          gross_amount: total
          status: status
        defaults:
          currency: AMD
  - name: tills
    type: files
    folder: tills
    entities:
      returns:
        files: "*.csv"
        fields: {return_id: id, order_id: receipt, returned_at: at, amount: amount}
"""
ENVIRONMENT = {"SHOP_PASSWORD": "open sesame"}


@pytest.fixture
def load(tmp_path):
    def load(text, environment=ENVIRONMENT):
        path = tmp_path / "retain.yml"
        path.write_text(text)
        return load_settings(path, environment)

    return load


@pytest.fixture
def refusal(load):
    """The message with which a retain.yml is refused."""

    def refusal(text, environment=ENVIRONMENT):
        with pytest.raises(UserError) as refused:
            load(text, environment)
        assert refused.value.exit_code == 2
        return str(refused.value)

    return refusal


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_file_is_read_with_its_defaults(load, tmp_path):
    settings = load(GOOD)
    assert settings.business.timezone == "Asia/Yerevan"
    assert settings.business.discount_rate == Decimal("0.10")
    assert settings.sources_of("orders") == ["shop"]
    assert settings.source("shop").entities["orders"].fields["gross_amount"] == "total"
    assert settings.source("tills").folder == tmp_path / "tills"
    assert settings.source("tills").entities["returns"].file_format == "csv"
    assert settings.timezone_of("tills") == "Asia/Yerevan"


def test_the_embedded_warehouse_and_its_state_stand_beside_the_file(load, tmp_path):
    assert load(GOOD).state_folder == tmp_path / ".retain"
    assert load(GOOD + "warehouse: {folder: ../elsewhere}\n").state_folder == tmp_path.parent / "elsewhere"


def test_a_warehouse_of_its_own_keeps_its_state_beside_the_file(load, tmp_path):
    settings = load(GOOD + "warehouse: {url: 'postgresql://u:p@h/w'}\n")
    assert settings.warehouse.folder is None
    assert settings.state_folder == tmp_path / ".retain"


def test_the_environment_of_a_container_takes_the_place_of_the_warehouse(load, tmp_path):
    surroundings = {
        **ENVIRONMENT,
        "RETAIN_WAREHOUSE_URL": "postgresql://retain_owner:p@postgres/retain",
        "RETAIN_STATE_FOLDER": str(tmp_path / "state"),
        "RETAIN_BI_PASSWORD": "read only",
    }
    settings = load(GOOD + "warehouse: {folder: ../elsewhere, port: 5433}\n", surroundings)
    assert settings.warehouse.url.get_secret_value() == surroundings["RETAIN_WAREHOUSE_URL"]
    assert settings.state_folder == tmp_path / "state"
    assert settings.warehouse.bi_password.get_secret_value() == "read only"
    assert settings.warehouse.port is None


def test_a_wrong_address_of_the_environment_is_told_like_one_of_the_file(refusal):
    surroundings = {**ENVIRONMENT, "RETAIN_WAREHOUSE_URL": "mysql://u:tellnobody@h/w"}
    message = refusal(GOOD, surroundings)
    assert "warehouse.url: wanted an address that begins with postgresql://" in message
    assert "tellnobody" not in message


def test_a_variable_may_have_another_value_for_where_it_is_absent_or_empty(load):
    text = GOOD.replace("@localhost/", "@${SHOP_HOST:-localhost}/")
    for surroundings, host in (({}, "localhost"), ({"SHOP_HOST": ""}, "localhost"), ({"SHOP_HOST": "shop"}, "shop")):
        url = load(text, {**ENVIRONMENT, **surroundings}).source("shop").url.get_secret_value()
        assert f"@{host}/" in url


def test_cut_points_are_those_of_the_dbt_project_where_the_file_says_none(load):
    of_project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    said = load(GOOD).segments.variables()
    assert {name: of_project[name] for name in ("rfm_recency_days", "rfm_occasions", "lowest_value_tier")} == {
        name: said[name] for name in ("rfm_recency_days", "rfm_occasions", "lowest_value_tier")
    }
    assert [str(amount) for amount in of_project["rfm_net_amount"]] == said["rfm_net_amount"]
    assert [{**tier, "at_least": str(tier["at_least"])} for tier in of_project["value_tiers"]] == said["value_tiers"]


def test_cut_points_reach_dbt_as_they_are_written(load):
    text = "segments: {net_amount: [0.10, 1e3, 2000, 30000000], value_tiers: {low: 5, high: 7.5}, lowest_value_tier: none yet}\n"
    said = variables(load(text + GOOD))
    assert said["rfm_net_amount"] == ["0.10", "1000", "2000", "30000000"]
    assert said["value_tiers"] == [{"name": "high", "at_least": "7.5"}, {"name": "low", "at_least": "5"}]
    assert said["lowest_value_tier"] == "none yet"


def test_settings_cannot_be_changed(load):
    with pytest.raises(ValueError, match="frozen"):
        load(GOOD).business.timezone = "UTC"


def test_no_text_of_the_settings_shows_a_password(load):
    settings = load(GOOD + "warehouse: {url: 'postgresql://u:tellnobody@h/w'}\n")
    assert settings.source("shop").url.get_secret_value() == "postgresql://retain:open sesame@localhost/shop"
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert "open sesame" not in text
        assert "tellnobody" not in text


def test_numbers_and_days_are_read_as_they_are_written(load):
    settings = load("as_of: 2024-02-29\n" + changed("Asia/Yerevan", "Asia/Yerevan\n  discount_rate: 0.125"))
    assert settings.as_of == date(2024, 2, 29)
    assert settings.business.discount_rate == Decimal("0.125")


def test_a_past_day_is_observed_until_its_end_and_today_is_not(load):
    past = load("as_of: 2024-02-29\n" + GOOD)
    assert (past.as_of_on, past.observed_until_on) == (date(2024, 2, 29), date(2024, 3, 1))
    today = datetime.now(ZoneInfo("Asia/Yerevan")).date()
    running = load(GOOD)
    assert (running.as_of_on, running.observed_until_on) == (today, today)


def test_a_null_is_an_absent_key(load):
    assert load("as_of:\n" + GOOD).as_of is None


def test_a_value_may_be_defined_once_and_used_again(load):
    text = changed("fields: {return_id", "fields: &mapping {return_id") + (
        "  - name: tills_south\n    type: files\n    folder: south\n    entities:\n"
        "      returns:\n        files: '*.csv'\n        fields: {<<: *mapping, amount: sum}\n"
    )
    fields = load(text).source("tills_south").entities["returns"].fields
    assert (fields["return_id"], fields["amount"]) == ("id", "sum")


@pytest.mark.parametrize(
    ("written", "meant"), [("'\\t'", "\t"), ('"\\t"', "\t"), ("tab", "\t"), ("whitespace", "whitespace")]
)
def test_a_tab_can_be_written_in_every_usual_way(load, written, meant):
    settings = load(changed('files: "*.csv"', f'files: "*.csv"\n        delimiter: {written}'))
    assert settings.source("tills").entities["returns"].delimiter == meant


def test_a_workbook_is_told_to_be_saved_as_csv(refusal):
    assert (
        "sources.tills.entities.returns.files: .xlsx is not read: save each sheet as CSV UTF-8 (`files: online_retail_II.csv`)"
        in refusal(changed('files: "*.csv"', "files: online_retail_II.xlsx"))
    )


def test_settings_of_the_process_come_from_the_named_file_and_follow_its_changes(tmp_path, monkeypatch):
    path = tmp_path / "other.yml"
    path.write_text(GOOD)
    monkeypatch.setenv("RETAIN_CONFIG", str(path))
    monkeypatch.setenv("SHOP_PASSWORD", "x")
    assert config.settings() is config.settings()
    assert config.settings().business.name == "Arax"
    before = path.stat().st_mtime_ns
    path.write_text(changed("Arax", "Ararat"))
    os.utime(path, ns=(before + 1, before + 1))  # some file systems tell no two moments of a second apart
    assert config.settings().business.name == "Ararat"


def test_without_a_name_the_file_is_looked_for_here(tmp_path, monkeypatch):
    monkeypatch.delenv("RETAIN_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"retain\.yml.*there is no such file"):
        config.settings()


def test_every_problem_is_told_at_once_in_the_order_of_the_file(refusal):
    text = (
        changed("Asia/Yerevan", "Asia/Yerevann")
        .replace("total", "total\n          colour: red")
        .replace("AMD\nsources", "XYZ\nsources")
    )
    message = refusal(text + "colour: red\n")
    assert "4 problems" in message
    lines = [int(line.split(":")[1].split()[0]) for line in message.splitlines()[1:]]
    assert lines == sorted(lines)
    assert lines[:2] == [3, 4]


PROBLEMS = [
    # (what is changed, into what, line, key, words of the sentence)
    ("Asia/Yerevan", "Asia/Yerevann", 3, "business.timezone", "did you mean Asia/Yerevan?"),
    ("Asia/Yerevan", "../etc/passwd", 3, "business.timezone", "wanted an IANA time zone"),
    ("AMD\nsources", "DRAM\nsources", 4, "business.reporting_currency", "ISO 4217"),
    ("AMD\nsources", "IRT\nsources", 4, "business.reporting_currency", "use IRR and multiply the amounts by 10"),
    ("AMD\nsources", "AMD\n  country: Armenia\nsources", 5, "business.country", 'found "Armenia"'),
    ("AMD\nsources", "AMD\n  week_start: sonday\nsources", 5, "business.week_start", "did you mean sunday?"),
    (
        "AMD\nsources",
        "AMD\n  active_days: a year\nsources",
        5,
        "business.active_days",
        'found "a year"; wanted a whole number',
    ),
    ("AMD\nsources", "AMD\n  active_days: 0\nsources", 5, "business.active_days", "wanted at least 1"),
    ("AMD\nsources", "AMD\n  discount_rate: 10 %\nsources", 5, "business.discount_rate", "wanted a number"),
    ("AMD\nsources", "AMD\n  calender: jalali\nsources", 5, "business.calender", "did you mean calendar?"),
    ("business:", "as_of: 2999-01-01\nbusiness:", 1, "as_of", "is in the future"),
    ("business:", "as_of: 2025-02-31\nbusiness:", 1, "as_of", "wanted a day as YYYY-MM-DD"),
    (
        "business:",
        "as_of: 1403-12-30\nbusiness:",
        1,
        "as_of",
        "lies before 1990-01-01, where Retain's calendar begins; days are",
    ),
    (
        "business:",
        "forecast: {backcast_on: [1403-01-01]}\nbusiness:",
        1,
        "forecast.backcast_on[1]",
        "lies before 1990-01-01",
    ),
    (
        "business:",
        "segments: {occasions: [2, 4, 4, 12]}\nbusiness:",
        1,
        "segments.occasions",
        "more than the one before it",
    ),
    (
        "business:",
        "segments: {recency_days: [30, 90]}\nbusiness:",
        1,
        "segments.recency_days",
        "found 2 cut points; wanted 4",
    ),
    ("business:", "segments: {net_amount: [1, 2, 3, many]}\nbusiness:", 1, "segments.net_amount[4]", "wanted a number"),
    (
        "business:",
        "segments: {value_tiers: {a: 5, b: 5.0}}\nbusiness:",
        1,
        "segments.value_tiers",
        "begin at the same amount",
    ),
    ("business:", "segments: {value_tiers: {a: 0}}\nbusiness:", 1, "segments.value_tiers.a", "wanted more than 0"),
    ("business:", "segments: {value_tiers: {new: 5}}\nbusiness:", 1, "segments.value_tiers.new", "another name"),
    ("business:", 'segments: {value_tiers: {"it\'s": 5}}\nbusiness:', 1, "segments.value_tiers", "of small letters"),
    (
        "business:",
        "segments: {value_tiers: {a: 5}, lowest_value_tier: a}\nbusiness:",
        1,
        "segments.lowest_value_tier",
        "another name",
    ),
    (
        "business:",
        "forecast: {backcast_on: [2024-01-01, 2999-01-01]}\nbusiness:",
        1,
        "forecast.backcast_on[2]",
        "future",
    ),
    ("business:", "forecast: {backcast_on: 2024-01-01}\nbusiness:", 1, "forecast.backcast_on", "a list"),
    ("business:", "gate: {max_quarantined_share: 5}\nbusiness:", 1, "gate.max_quarantined_share", "at most 1"),
    ("business:", "identity: {rules: []}\nbusiness:", 1, "identity.rules", "at least one is needed"),
    (
        "business:",
        "identity: {rules: [fone]}\nbusiness:",
        1,
        "identity.rules[1]",
        "allowed: loyalty_card, email, phone",
    ),
    ("business:", "identity: {rules: [email, email]}\nbusiness:", 1, "identity.rules[2]", "keep one"),
    ("business:", "identity: {limits: {phone: 1}}\nbusiness:", 1, "identity.limits.phone", "wanted at least 2"),
    ("business:", "identity: {limits: {mail: 9}}\nbusiness:", 1, "identity.limits.mail", "did you mean email?"),
    (
        "business:",
        "identity: {rules: [email], one_per_person: [phone]}\nbusiness:",
        1,
        "identity.one_per_person[1]",
        "none of `rules`",
    ),
    (
        "business:",
        "identity: {dotless_domains: ['@gmail.com']}\nbusiness:",
        1,
        "identity.dotless_domains[1]",
        "what follows the @",
    ),
    ("business:", "warehouse: {url: 'mysql://h/w'}\nbusiness:", 1, "warehouse.url", "begins with postgresql://"),
    (
        "business:",
        "warehouse: {url: 'postgresql://h/w', port: 5433}\nbusiness:",
        1,
        "warehouse.port",
        "remove it or `url`",
    ),
    ("business:", "warehouse: {port: 70000}\nbusiness:", 1, "warehouse.port", "at most 65535"),
    (
        "business:",
        "warehouse: {folder: ~nobody-of-that-name/w}\nbusiness:",
        1,
        "warehouse.folder",
        "no user of that name",
    ),
    ("folder: tills", "folder: ~nobody-of-that-name/t", 22, "sources.tills.folder", "no user of that name"),
    ("name: shop", "name: Shop-1", 6, "sources.Shop-1.name", "small letters"),
    ("name: tills", "name: shop", 20, "sources.shop.name", "in line 6"),
    ("name: tills", "label: tills", 20, "sources[2].name", "this key is needed"),
    ("type: files", "type: file", 20, "sources.tills", "did you mean files?"),
    ("type: files", "kind: files", 20, "sources.tills", "`type` is needed; allowed: sql, files"),
    ("type: sql", "type: sql\n    port: 5432", 8, "sources.shop.port", "no such key; allowed: type, name, url"),
    ("url: postgresql://retain:${SHOP_PASSWORD}@localhost/shop", "url: localhost", 8, "sources.shop.url", "an address"),
    ("orders:\n", "order:\n", 10, "sources.shop.entities.order", "did you mean orders?"),
    ("table: public.orders", "table: a\n        query: select 1", 12, "sources.shop.entities.orders.query", "keep one"),
    ("table: public.orders", "where: id > 0", 10, "sources.shop.entities.orders", "`table` or `query` is needed"),
    ("order_id: id", "oder_id: id", 14, "sources.shop.entities.orders.fields.oder_id", "did you mean order_id?"),
    ("order_id: id\n", "channel: web\n", 13, "sources.shop.entities.orders.fields", "order_id is needed"),
    ("status: status", "status:", 17, "sources.shop.entities.orders.fields.status", "found nothing; wanted a text"),
    ("business:", "colour:\nbusiness:", 1, "colour", "no such key"),
    ("status: status", "status: ' '", 17, "sources.shop.entities.orders.fields.status", "found nothing"),
    (
        "currency: AMD\n  - n",
        "currency: drams\n  - n",
        19,
        "sources.shop.entities.orders.defaults.currency",
        "ISO 4217",
    ),
    (
        "currency: AMD\n  - n",
        "status: paid\n  - n",
        19,
        "sources.shop.entities.orders.defaults.status",
        "in line 17; keep one",
    ),
    (
        "status: status\n",
        "channel: c\n",
        13,
        "sources.shop.entities.orders.fields",
        "or give its value under `defaults`",
    ),
    (
        "currency: AMD\n  - n",
        "currency: AMD\n          is_test: no\n  - n",
        20,
        "orders.defaults.is_test",
        "true or false",
    ),
    (
        "currency: AMD\n  - n",
        "currency: AMD\n          tax_amount: none\n  - n",
        20,
        "orders.defaults.tax_amount",
        "a number",
    ),
    ("return_id: id, ", "", 26, "sources.tills.entities.returns.fields", "return_id is needed"),
    ('"*.csv"', '"*.txt"', 24, "sources.tills.entities.returns", "`format` is needed"),
    ('"*.csv"', '"../*.csv"', 25, "sources.tills.entities.returns.files", "below `folder`"),
    ('"*.csv"', '"*.csv"\n        encoding: utf-9', 26, "sources.tills.entities.returns.encoding", 'found "utf-9"'),
    ('"*.csv"', '"*.csv"\n        delimiter: ";;"', 26, "sources.tills.entities.returns.delimiter", "one character"),
    ('"*.csv"', '"*.csv"\n        header: false', 26, "sources.tills.entities.returns.header", "`columns` must name"),
    ('"*.csv"', '"*.csv"\n        columns: [a]', 26, "sources.tills.entities.returns.columns", "add `header: false`"),
    (
        '"*.csv"',
        '"*.parquet"\n        delimiter: ;',
        26,
        "sources.tills.entities.returns.delimiter",
        "these files are parquet",
    ),
    ("folder: tills", "folder: tills\n    date_order: YDM", 23, "sources.tills.date_order", "allowed: YMD, DMY, MDY"),
    ("folder: tills", "folder: tills\n    timezone: Mars", 23, "sources.tills.timezone", "IANA"),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "words"), PROBLEMS, ids=[p[3] + " " + p[4] for p in PROBLEMS])
def test_a_problem_is_told_with_line_key_and_what_is_allowed(refusal, old, new, line, key, words):
    message = refusal(changed(old, new))
    told = [text for text in message.splitlines() if f"retain.yml:{line} " in text and key in text and words in text]
    assert told, message


def test_a_list_of_wrong_items_is_not_told_as_an_empty_one(refusal):
    assert "found nothing" not in refusal(GOOD.replace("type: files", "type: file").replace("type: sql", "type: sq"))
    assert "found nothing" not in refusal(f"identity: {{rules: [fone]}}\n{GOOD}")


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("", "retain.yml ", "the file is empty"),
        ("# nothing yet\n", "retain.yml ", "the file is empty"),
        ("just words", "retain.yml:1 ", "no `key: value` lines"),
        ("- 1\n- 2\n", "retain.yml:1 ", "no `key: value` lines"),
        ("business:\n\tname: x\n", "retain.yml:2 ", "a tab; YAML is indented by spaces"),
        ("business: [1\nname: x\n", "retain.yml:2 ", "not YAML"),
        ("business: a: b\n", "retain.yml:1 ", "a second colon in one line"),
        ("business: *shop\n", "retain.yml:1 ", "must stand in quotes"),
        ("business: &a\n  name: *a\n", "retain.yml:1 ", "business.name: an alias of the thing it stands in"),
        ("business: !env NAME\n", "retain.yml:1 ", "the tag !env means nothing here"),
        ("a: 1\n---\nb: 2\n", "retain.yml:2 ", "another document begins here"),
        ("a: " + "[" * 3000 + "]" * 3000, "retain.yml ", "too deep to be read"),
        ('a: "b\\0c"\n', "retain.yml:1 ", "a: found a NUL character"),
        ("name: \x07\n", "retain.yml:1 ", "a character that YAML does not allow"),
        (GOOD + "business: {}\n", "retain.yml:27 ", "business: the key stands here again; the first is in line 1"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(refusal, text, where, words):
    message = refusal(text)
    assert where in message
    assert words in message


def test_a_missing_file_a_folder_and_another_encoding_are_told(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        load_settings(tmp_path / "retain.yml")
    with pytest.raises(UserError, match="this is a folder"):
        load_settings(tmp_path)
    path = tmp_path / "latin.yml"
    path.write_bytes("business:\n  name: Café\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.yml:2 .*byte 22 .*not UTF-8"):
        load_settings(path)


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "retain.yml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_settings(path, ENVIRONMENT).business.name == "Arax"


def test_a_missing_variable_is_named_and_no_other_value_is_shown(refusal):
    message = refusal(GOOD.replace("localhost", "${SHOP_HOST}"), {"SHOP_PASSWORD": "open sesame"})
    assert "retain.yml:8 " in message
    assert "no variable SHOP_HOST" in message
    assert "open sesame" not in message


def test_a_malformed_variable_is_told(refusal):
    assert "${SHOP PASSWORD} is not the name" in refusal(GOOD.replace("${SHOP_PASSWORD}", "${SHOP PASSWORD}"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("url: postgresql://retain:${SHOP_PASSWORD}@localhost/shop", "url: retain:${SHOP_PASSWORD}@localhost"),
        (
            "url: postgresql://retain:${SHOP_PASSWORD}@localhost/shop",
            "url: [postgresql://retain:open sesame@localhost]",
        ),
        ("url: postgresql://retain:${SHOP_PASSWORD}@localhost/shop", "password: open sesame"),
        ("name: Arax", "timezone2: open sesame"),
        ("timezone: Asia/Yerevan", "timezone: ${SHOP_PASSWORD}"),
        ("business:", "warehouse: postgresql://u:open sesame@h/w\nbusiness:"),
        ("business:", "warehouse: {url: 'mysql://u:open sesame@h/w'}\nbusiness:"),
    ],
)
def test_no_refusal_ever_shows_a_secret(refusal, old, new):
    assert "open sesame" not in refusal(changed(old, new))


def test_a_wrong_value_from_the_environment_is_shown_as_it_was_written(refusal):
    assert 'found "${ZONE}"' in refusal(changed("Asia/Yerevan", "${ZONE}"), {**ENVIRONMENT, "ZONE": "Mars"})


def test_the_key_of_an_entity_cannot_be_a_default(refusal):
    message = refusal(
        changed("order_id: id\n          ", "").replace(
            "currency: AMD\n  - n", "currency: AMD\n          order_id: 1\n  - n"
        )
    )
    assert "part of the key and differs in every row" in message


def test_the_currencies_are_those_of_the_world():
    # Babel has the codes of CLDR, which keeps what ISO 4217 ever knew.
    assert len(CURRENCIES) > 200
    assert set(list_currencies()) >= CURRENCIES
    assert {"USD", "EUR", "AMD", "IRR", "TRY", "HRK"} <= CURRENCIES


def test_a_day_of_the_future_depends_on_where_the_shop_is(load, refusal):
    kiritimati, midway = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Midway")  # UTC+14 and UTC-11
    day = datetime.now(kiritimati).date()
    assert day > datetime.now(midway).date()
    text = f"as_of: {day}\n{GOOD}"
    assert load(text.replace("Asia/Yerevan", "Pacific/Kiritimati")).as_of == day
    assert "in the future" in refusal(text.replace("Asia/Yerevan", "Pacific/Midway"))
    before = day - timedelta(days=2)
    assert load(text.replace(str(day), str(before)).replace("Asia/Yerevan", "Pacific/Midway")).as_of == before
