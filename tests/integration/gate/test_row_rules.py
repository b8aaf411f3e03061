"""For every rule on rows, of every suite: the rows that break it are held (or, where it only warns, counted), and no other row is."""

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from expectations import SUITES, Shop
from retain import loads, warehouse
from retain.config import load_settings
from retain.entities import ENTITIES

ENTITIES_AND_FILES = "\n".join(
    f"      {name}:\n        files: '{name}-*.csv'\n        fields: {{{', '.join(f'{f}: {f}' for f in entity.fields)}}}"
    for name, entity in ENTITIES.items()
)
SOURCES = f"""\
  - name: shop
    type: files
    folder: files
    gate: {{max_quarantined_share: 1, money_identities: hold}}
    entities:
{ENTITIES_AND_FILES}
"""

YESTERDAY = date.today() - timedelta(days=1)
# A good record of each entity; `known` ones are loaded first.
GOOD = {
    "exchange_rates": {"currency": "USD", "rate_on": "2025-03-01", "rate": "0.9"},
    "customers": {"customer_id": "c", "email": "c@x.am", "registered_at": "2025-01-01 10:00:00", "full_name": "Zoë"},
    "products": {"product_id": "p", "price": "10", "unit_cost": "6", "currency": "EUR", "name": "tea"},
    "orders": {"order_id": "o", "customer_id": "c", "ordered_at": "2025-03-01 10:00:00", "status": "paid", "currency": "EUR",
               "gross_amount": "10", "discount_amount": "1", "tax_amount": "2", "shipping_amount": "3"},
    "order_items": {"order_id": "o", "line_id": "1", "product_id": "p", "quantity": "2", "gross_amount": "10", "discount_amount": "1"},
    "returns": {"return_id": "r", "order_id": "o", "line_id": "1", "returned_at": "2025-03-02 10:00:00", "amount": "5", "quantity": "1"},
    "acquisition_costs": {"channel": "web", "month_on": "2025-03-01", "amount": "100", "currency": "EUR"},
    "business_changes": {"change_id": "b", "touched": "channel", "touched_value": "web", "kind": "price", "changed_on": "2025-03-01"},
    "experiment_assignments": {"experiment_id": "e", "customer_id": "c", "arm": "treatment", "treatment_share": "0.5",
                               "assigned_at": "2025-03-01 08:00:00", "starts_at": "2025-03-01 10:00:00"},
    "tickets": {"ticket_id": "t", "email": "c@x.am", "opened_at": "2025-03-01 10:00:00", "status": "open"},
    "feedback": {"feedback_id": "f", "kind": "csat", "answered_at": "2025-03-01 10:00:00", "score": "4", "lowest_score": "1",
                 "highest_score": "5"},
    "loyalty_entries": {"entry_id": "l", "kind": "earned", "points": "10", "entered_at": "2025-03-01 10:00:00"},
    "payments": {"payment_id": "m", "order_id": "o", "kind": "payment", "happened_at": "2025-03-01 10:00:00", "amount": "10",
                 "currency": "EUR"},
    "sends": {"send_id": "s", "channel": "email", "happened_at": "2025-03-01 10:00:00"},
    "visits": {"view_id": "v", "customer_source": "shop", "happened_at": "2025-03-01 10:00:00"},
    "traffic": {"day_on": "2025-03-01", "channel": "Direct", "origin": "(direct) / (none)", "sessions": "10", "revenue": "-5",
                "currency": "EUR"},
}  # fmt: skip
KNOWN = {
    "exchange_rates": [{"rate_on": f"2025-02-{day:02d}"} for day in range(1, 29)] + [{"currency": "GEL", "rate_on": "2025-02-01"}],
    "customers": [{}, {"customer_id": "old"}],
    "products": [{}],
    "orders": [{"order_id": order} for order in ("o", "old", *(f"o{n}" for n in range(1, 10)))],
    "order_items": [{"order_id": order} for order in ("o", *(f"o{n}" for n in range(6, 10)))],
    "returns": [],
    "acquisition_costs": [],
    "business_changes": [],
    "experiment_assignments": [{"customer_id": "old"}],
    "tickets": [],
    "feedback": [],
    "loyalty_entries": [],
    "payments": [],
    "sends": [],
    "visits": [],
    "traffic": [],
}  # fmt: skip


@dataclass
class Broken:
    """A row, or some, and the rules that it breaks; `surplus`: with a value more than there are columns."""

    rules: set[str]
    change: dict[str, str] = field(default_factory=dict)
    twice: dict[str, str] | None = None
    surplus: bool = False


def of_types(entity: str) -> list[Broken]:
    """What must hold for any field of a type."""
    broken = []
    for name, one in ENTITIES[entity].fields.items():
        if one.required and name not in ENTITIES[entity].key:
            broken.append(Broken({f"{name}_present"}, {name: ""}))
        if one.type != "text":
            bad = {"boolean": "ja", "timestamp": "2025-02-31", "date": "21.11.25"}.get(one.type, "1.3E+02")
            broken.append(Broken({f"{name}_casts"}, {name: bad}))
        if one.type == "money":
            broken.append(Broken({f"{name}_exact"}, {name: f"{GOOD[entity].get(name, '1')}.000000001"}))
    if "changed_at" in ENTITIES[entity].fields:
        broken.append(Broken({"changed_at_is_past"}, {"changed_at": "2999-01-01"}))
    return [*broken, Broken({"readable"}, surplus=True)]


def of_somebody(key: str) -> list[Broken]:
    """What must hold for any record that names somebody."""
    return [
        Broken({f"{key}_present"}, {key: ""}),
        Broken({f"{key}_plain"}, {key: "k\u200b"}),
        Broken({"customer_source_known"}, {"customer_source": "nowhere"}),
        Broken({"email_looks_right"}, {"email": "customer"}),
    ]


BROKEN = {
    "exchange_rates": [
        Broken({"currency_present"}, {"currency": ""}),
        Broken({"rate_on_present"}, {"rate_on": ""}),
        Broken({"currency_known"}, {"currency": "QQQ"}),
        Broken({"currency_known", "currency_plain"}, {"currency": "USD\u200b"}),
        Broken({"rate_positive"}, {"rate": "0", "currency": "AMD"}),
        Broken({"rate_written_out"}, {"rate": "9.0E-01"}),
        Broken({"rate_on_is_modern"}, {"rate_on": "1970-01-01"}),
        Broken({"rate_on_is_past"}, {"rate_on": "2999-01-01"}),
        Broken({"rate_near_the_last", "rate_moved_little"}, {"rate": "1.9"}),
        Broken({"rate_moved_little"}, {"rate": "1.0", "rate_on": "2025-03-02"}),
        Broken({"key_unique"}, {"currency": "AMD", "rate": "2"}, twice={"rate": "3"}),
    ],
    "customers": [
        Broken({"customer_id_present"}, {"customer_id": ""}),
        Broken({"customer_id_plain"}, {"customer_id": "c9\u00a0"}),
        Broken({"customer_id_plain"}, {"customer_id": "1.2E+05"}),
        Broken({"customer_id_plain"}, {"customer_id": "۱۲"}),
        Broken({"registered_at_is_past"}, {"registered_at": "2999-01-01"}),
        Broken({"registered_at_is_modern"}, {"registered_at": "1970-01-01"}),
        Broken({"closed_after_registered"}, {"closed_at": "2024-01-01"}),
        Broken({"customer_id_not_reused"}, {"customer_id": "old", "email": "new@x.am", "registered_at": "2025-02-01"}),
        Broken({"email_looks_right"}, {"email": "customer"}),
        Broken({"full_name_legible"}, {"full_name": "ZoÃ«"}),
        Broken({"city_legible"}, {"city": "Gyumri&nbsp;2"}),
        Broken({"region_legible"}, {"region": "Vayots?Dzor"}),
        Broken({"key_unique"}, {"customer_id": "twice"}, twice={"tier": "gold"}),
    ],
    "products": [
        Broken({"product_id_present"}, {"product_id": ""}),
        Broken({"product_id_plain"}, {"product_id": "p\u200b"}),
        Broken({"currency_known"}, {"currency": "€"}),
        Broken({"price_not_negative"}, {"price": "-1"}),
        Broken({"unit_cost_not_negative"}, {"unit_cost": "-1"}),
        Broken({"cost_below_price"}, {"unit_cost": "11"}),
        Broken({"price_near_the_last"}, {"product_id": "p", "price": "60"}),
        Broken({"unit_cost_near_the_last"}, {"product_id": "p", "unit_cost": "1", "changed_at": "2025-03-01"}),
        Broken({"name_legible"}, {"name": "th\ufffd"}),
        Broken({"key_unique"}, {"product_id": "twice"}, twice={"price": "11"}),
    ],
    "orders": [
        Broken({"order_id_present"}, {"order_id": ""}),
        Broken({"order_id_plain"}, {"order_id": "7\u2009001"}),
        Broken({"status_known"}, {"status": "on_hold"}),
        Broken({"currency_known", "rate_exists"}, {"currency": "eur"}),
        Broken({"rate_exists"}, {"currency": "USD", "ordered_at": "2025-01-01"}),
        Broken({"rate_is_recent"}, {"currency": "GEL"}),
        Broken({"ordered_at_is_past"}, {"ordered_at": "2999-01-01"}),
        Broken({"ordered_at_is_modern"}, {"ordered_at": "1404-08-30"}),
        Broken({"ordered_at_casts"}, {"ordered_at": "1763805600"}),
        Broken({"ordered_at_casts"}, {"ordered_at": "now"}),
        Broken({"ordered_at_casts"}, {"ordered_at": "21.11.25 10:00"}),
        Broken({"gross_amount_casts"}, {"gross_amount": "١٢.٥٠"}),
        Broken({"gross_amount_casts"}, {"gross_amount": "NaN"}),
        Broken({"gross_amount_not_negative", "discount_fits"}, {"gross_amount": "-1"}),
        Broken({"discount_amount_not_negative"}, {"discount_amount": "-1"}),
        Broken({"tax_amount_not_negative"}, {"tax_amount": "-1"}),
        Broken({"shipping_amount_not_negative"}, {"shipping_amount": "-1"}),
        Broken({"discount_fits"}, {"discount_amount": "11"}),
        Broken({"order_id_not_reused"}, {"order_id": "old", "customer_id": "old", "ordered_at": "2025-03-20"}),
        Broken({"not_placed_twice"}, {"ordered_at": f"{YESTERDAY} 10:00:00"}, twice={"order_id": "again"}),
        Broken({"email_looks_right"}, {"email": "some one@x.am"}),
        Broken({"customer_id_exists"}, {"customer_id": "C"}),
        Broken({"key_unique"}, {"order_id": "twice"}, twice={"gross_amount": "11"}),
    ],
    "order_items": [
        Broken({"order_id_present"}, {"order_id": ""}),
        Broken({"line_id_present"}, {"line_id": "", "order_id": "o1"}),
        Broken({"order_id_plain", "order_id_exists"}, {"order_id": "o\u200b"}),
        Broken({"line_id_plain"}, {"line_id": "1\u00a0", "order_id": "o2"}),
        Broken({"quantity_positive"}, {"quantity": "0"}),
        Broken({"quantity_is_no_barcode"}, {"quantity": "5449000000996"}),
        Broken({"gross_amount_not_negative", "discount_fits", "lines_add_up"}, {"order_id": "o3", "gross_amount": "-1"}),
        Broken({"discount_amount_not_negative"}, {"discount_amount": "-1"}),
        Broken({"cost_amount_not_negative"}, {"cost_amount": "-1"}),
        Broken({"discount_fits"}, {"discount_amount": "11"}),
        Broken({"order_id_exists"}, {"order_id": "nothing"}),
        Broken({"product_id_exists"}, {"product_id": "nothing"}),
        Broken({"lines_add_up"}, {"order_id": "o4", "gross_amount": "10.02"}),
        Broken({"lines_add_up"}, {"order_id": "o6", "line_id": "2", "gross_amount": "5"}),
        Broken({"key_unique"}, {"order_id": "o5"}, twice={"quantity": "3"}),
    ],
    "returns": [
        Broken({"return_id_present"}, {"return_id": ""}),
        Broken({"return_id_plain"}, {"return_id": "r\u200b"}),
        Broken({"order_id_exists", "line_id_exists"}, {"order_id": "nothing"}),
        Broken({"amount_not_negative"}, {"amount": "-1"}),
        Broken({"quantity_positive"}, {"quantity": "0"}),
        Broken({"returned_at_is_past"}, {"returned_at": "2999-01-01"}),
        Broken({"returned_at_is_modern", "returned_after_ordered"}, {"returned_at": "1970-01-01"}),
        Broken({"returned_after_ordered"}, {"returned_at": "2025-01-01"}),
        Broken({"amount_fits_the_order"}, {"order_id": "o7", "amount": "14.50"}),
        Broken({"pieces_fit_the_line"}, {"order_id": "o8", "quantity": "3"}),
        Broken({"line_id_exists"}, {"line_id": "77"}),
        Broken({"reason_legible"}, {"reason": "d&eacute;fectueux"}),
        Broken({"key_unique"}, {"return_id": "twice", "order_id": "o9", "quantity": ""}, twice={"reason": "late"}),
    ],
    "acquisition_costs": [
        Broken({"channel_present"}, {"channel": ""}),
        Broken({"channel_plain"}, {"channel": "web\u200b"}),
        Broken({"month_on_present"}, {"month_on": ""}),
        Broken({"month_on_is_modern"}, {"month_on": "1970-01-01"}),
        Broken({"currency_known", "rate_exists"}, {"currency": "eur"}),
        Broken({"rate_exists"}, {"currency": "USD", "month_on": "2025-01-31"}),
        Broken({"amount_not_negative"}, {"amount": "-1"}),
        Broken({"key_unique"}, {"channel": "twice"}, twice={"amount": "11"}),
    ],
    "business_changes": [
        Broken({"change_id_present"}, {"change_id": ""}),
        Broken({"touched_present"}, {"touched": ""}),
        Broken({"touched_value_present"}, {"touched_value": ""}),
        Broken({"change_id_plain"}, {"change_id": "b\u200b"}),
        Broken({"touched_plain", "touched_known"}, {"touched": "channel\u00a0"}),
        Broken({"touched_value_plain"}, {"touched_value": "web\u200b"}),
        Broken({"kind_known"}, {"kind": "weather"}),
        Broken({"touched_known"}, {"touched": "store"}),
        Broken({"everybody_is_everybody"}, {"touched": "everybody"}),
        Broken({"changed_on_is_modern"}, {"changed_on": "1970-01-01"}),
        Broken({"changed_once"}, {"change_id": "two days"}, twice={"touched_value": "app", "changed_on": "2025-03-02"}),
        Broken({"changed_once"}, {"change_id": "two kinds"}, twice={"touched_value": "app", "kind": "service"}),
        Broken({"touched_customer_exists"}, {"touched": "customer", "touched_value": "nobody"}),
        Broken({"key_unique"}, {"change_id": "twice"}, twice={"title": "dearer"}),
    ],
    "experiment_assignments": [
        Broken({"experiment_id_present"}, {"experiment_id": ""}),
        Broken({"customer_id_present"}, {"customer_id": ""}),
        Broken({"experiment_id_plain"}, {"experiment_id": "e\u200b"}),
        Broken({"customer_id_plain", "customer_id_exists"}, {"customer_id": "c\u00a0"}),
        Broken({"customer_id_exists"}, {"customer_id": "C"}),
        Broken({"arm_known"}, {"arm": "both"}),
        Broken({"share_between_0_and_1"}, {"treatment_share": "1"}),
        Broken({"assigned_at_is_past"}, {"assigned_at": "2999-01-01", "starts_at": "2999-01-02"}),
        Broken({"assigned_at_is_modern"}, {"assigned_at": "1970-01-01"}),
        Broken({"assigned_before_start"}, {"assigned_at": "2025-03-01 10:00:01"}),
        Broken({"in_one_arm"}, {"experiment_id": "e", "customer_id": "old", "arm": "control"}),
        Broken({"in_one_arm", "key_unique"}, {"experiment_id": "both"}, twice={"arm": "control"}),
        Broken({"key_unique"}, {"experiment_id": "twice"}, twice={"starts_at": "2025-03-01 11:00:00"}),
    ],
    "tickets": [
        *of_somebody("ticket_id"),
        Broken({"opened_at_is_past"}, {"opened_at": "2999-01-01"}),
        Broken({"opened_at_is_modern"}, {"opened_at": "1970-01-01"}),
        Broken({"status_known"}, {"status": "deleted"}),
        Broken({"replied_after_opened"}, {"first_replied_at": "2025-03-01 09:59:59"}),
        Broken({"solved_after_opened"}, {"solved_at": "2025-03-01 09:59:59"}),
        Broken({"merged_into_another"}, {"ticket_id": "self", "merged_into_id": "self"}),
        Broken({"key_unique"}, {"ticket_id": "twice"}, twice={"topic": "size"}),
    ],
    "feedback": [
        *of_somebody("feedback_id"),
        Broken({"answered_at_is_past"}, {"answered_at": "2999-01-01"}),
        Broken({"answered_at_is_modern"}, {"answered_at": "1970-01-01"}),
        Broken({"kind_known"}, {"kind": "stars"}),
        Broken({"scale_has_a_width"}, {"highest_score": "1"}),
        Broken({"score_on_its_scale"}, {"score": "6"}),
        Broken({"score_on_its_scale"}, {"score": "0.5"}),
        Broken({"nps_is_0_to_10"}, {"kind": "nps"}),
        Broken({"key_unique"}, {"feedback_id": "twice"}, twice={"score": "5"}),
    ],
    "loyalty_entries": [
        *of_somebody("entry_id"),
        Broken({"entered_at_is_past"}, {"entered_at": "2999-01-01"}),
        Broken({"entered_at_is_modern"}, {"entered_at": "1970-01-01"}),
        Broken({"kind_known"}, {"kind": "given"}),
        Broken({"status_known"}, {"status": "maybe"}),
        Broken({"points_whole"}, {"points": "1.5"}),
        Broken({"points_have_their_sign"}, {"points": "-10"}),
        Broken({"points_have_their_sign"}, {"kind": "redeemed"}),
        Broken({"key_unique"}, {"entry_id": "twice"}, twice={"points": "11"}),
    ],
    "payments": [
        *of_somebody("payment_id"),
        Broken({"happened_at_is_past"}, {"happened_at": "2999-01-01"}),
        Broken({"happened_at_is_modern"}, {"happened_at": "1970-01-01"}),
        Broken({"kind_known"}, {"kind": "tip"}),
        Broken({"status_known"}, {"status": "maybe"}),
        Broken({"amount_not_negative"}, {"amount": "-1"}),
        Broken({"order_source_known"}, {"order_source": "elsewhere"}),
        Broken({"key_unique"}, {"payment_id": "twice"}, twice={"amount": "11"}),
    ],
    "sends": [
        *of_somebody("send_id"),
        Broken({"happened_at_is_past"}, {"happened_at": "2999-01-01"}),
        Broken({"happened_at_is_modern"}, {"happened_at": "1970-01-01"}),
        Broken({"channel_known"}, {"channel": "pigeon"}),
        Broken({"key_unique"}, {"send_id": "twice"}, twice={"campaign": "may"}),
    ],
    "visits": [
        *of_somebody("view_id"),
        Broken({"happened_at_is_past"}, {"happened_at": "2999-01-01"}),
        Broken({"happened_at_is_modern"}, {"happened_at": "1970-01-01"}),
        Broken({"key_unique"}, {"view_id": "twice"}, twice={"device": "phone"}),
    ],
    "traffic": [
        Broken({"day_on_present"}, {"day_on": ""}),
        Broken({"day_on_is_modern"}, {"day_on": "1970-01-01"}),
        Broken({"day_on_is_past"}, {"day_on": "2999-01-01"}),
        Broken({"channel_present"}, {"channel": ""}),
        Broken({"channel_plain"}, {"channel": "Direct\u200b"}),
        Broken({"origin_present"}, {"origin": ""}),
        Broken({"origin_plain"}, {"origin": "google\u200b"}),
        Broken({"sessions_present"}, {"sessions": ""}),
        Broken({"sessions_not_negative"}, {"sessions": "-1"}),
        Broken({"engaged_sessions_not_negative"}, {"engaged_sessions": "-1"}),
        Broken({"users_not_negative"}, {"users": "-1"}),
        Broken({"purchases_not_negative"}, {"purchases": "-1"}),
        Broken({"currency_known"}, {"currency": "euro"}),
        Broken({"revenue_has_a_currency"}, {"currency": ""}),
        Broken({"key_unique"}, {"channel": "twice"}, twice={"sessions": "11"}),
    ],
}  # fmt: skip
# Rows of these are told apart by more than their own key: an order of its own, whose lines and returns nobody else counts.
OWN_ORDER = {"order_items": "line_id", "returns": "return_id"}


@pytest.fixture
def shop(write_config, tmp_path):
    (tmp_path / "files").mkdir()
    settings = load_settings(write_config(SOURCES))
    warehouse.prepare(settings)
    for entity, changes in KNOWN.items():
        write(settings, entity, "known", [text_of(entity, {**GOOD[entity], **change}) for change in changes])
    return settings


def text_of(entity, values):
    line = io.StringIO()
    csv.DictWriter(line, list(ENTITIES[entity].fields), lineterminator="\n").writerow(values)
    return line.getvalue()


def write(settings, entity, name, lines):
    path = settings.source("shop").folder / f"{entity}-{name}.csv"
    path.write_text(",".join(ENTITIES[entity].fields) + "\n" + "".join(lines))


def planted(entity):
    """Lines of a file with the rules that each breaks: the broken ones among good ones."""
    lines = []
    for number, broken in enumerate([Broken(set()), *of_types(entity), *BROKEN[entity], Broken(set())], 1):
        values = {**GOOD[entity], **own_key(entity, number), **broken.change}
        surplus = ",surplus\n" if broken.surplus else "\n"
        lines.append((text_of(entity, values).rstrip("\n") + surplus, broken.rules))
        if broken.twice is not None:
            lines.append((text_of(entity, {**values, **broken.twice}), broken.rules))
    return lines


def own_key(entity, number):
    if entity == "exchange_rates":
        return {"rate_on": f"2025-03-{number:02d}"}
    if entity == "traffic":
        return {"channel": f"n{number}"}
    if entity == "order_items":
        return {"order_id": f"x{number}"}
    if entity == "returns":
        return {"return_id": f"n{number}", "order_id": f"x{number}"}
    if entity == "orders":
        return {"order_id": f"n{number}", "ordered_at": f"2025-03-01 10:{number:02d}:00"}
    return {ENTITIES[entity].key[0]: f"n{number}"}


def row_rules(settings, entity):
    """The row rules of a suite with their severities, as they are for a source that maps every field."""
    fields = frozenset(ENTITIES[entity].fields)
    suite = SUITES[entity](Shop(frozenset(ENTITIES), fields, "EUR", "UTC", settings.gate_of("shop")))
    return {e.meta["rule"]: e.severity.value for e in suite.expectations if e.meta["judges"] == "row"}


@pytest.mark.parametrize("entity", list(ENTITIES))
def test_every_row_rule_names_exactly_the_rows_that_break_it(shop, entity):
    for before in ENTITIES:
        known = list(KNOWN[before])
        if before in ("orders", "order_items") and entity in OWN_ORDER and before != entity:
            known += [{"order_id": f"x{number}"} for number in range(1, 80)]
        if known:
            write(shop, before, "known", [text_of(before, {**GOOD[before], **change}) for change in known])
            outcome = loads.load_entity(shop, "shop", before)
            assert (outcome.status, outcome.rows_quarantined) == ("published", 0), outcome
    lines = planted(entity)
    write(shop, entity, "new", [line for line, _ in lines])

    outcome = loads.load_entity(shop, "shop", entity)

    assert outcome.status == "published", outcome
    rules = row_rules(shop, entity)
    assert {rule for _, broken in lines for rule in broken} == set(rules), "a rule without a row that breaks it"
    with warehouse.connect(shop) as connection:
        held = {
            line: (set(names), reasons)
            for line, names, reasons in connection.execute(
                f"select _line::int, rules, reasons from ops.quarantine join landing.shop__{entity} on _row = row_number "
                f"where _file = '{entity}-new.csv' and entity = %s",
                [entity],
            )
        }
        counted = dict(
            connection.execute(
                "select expectation, rows_failed from ops.validation_results where load_id = %s and judges = 'row' and not success",
                [outcome.load_id],
            ).fetchall()
        )
    critical = {rule for rule, severity in rules.items() if severity == "critical"}
    expected = {line: broken & critical for line, (_, broken) in enumerate(lines, 1) if broken & critical}
    assert {line: names for line, (names, _) in held.items()} == expected
    assert all(len(reasons) == len(names) and all(reasons) for names, reasons in held.values())
    assert counted == Counter(rule for _, broken in lines for rule in broken)
