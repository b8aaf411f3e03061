"""The faults do a damage, every one of them, and the shop that they damage is clean."""

import copy
from collections import Counter
from datetime import date
from decimal import Decimal
from random import Random

import pytest

import bench.faults.catalogue  # noqa: F401 -- importing it fills the catalogue
from bench.faults.bench import NO_NAMES
from bench.faults.cases import all_cases
from bench.faults.databases import DATABASE_FAULTS
from bench.faults.night import FILE_FAULTS, Night
from bench.faults.shop import COLUMNS, KEYS, Shop

LAST_ON = date(2025, 11, 22)
CASES = [(fault, entity) for fault in FILE_FAULTS.values() for entity in fault.entities]


@pytest.fixture(scope="module")
def deliveries():
    return list(Shop(24, 150, LAST_ON).deliveries())


def test_the_catalogue_holds_at_least_sixty_faults_and_each_says_what_real_system_does_it():
    assert len(FILE_FAULTS) >= 60
    for fault in [*FILE_FAULTS.values(), *DATABASE_FAULTS.values()]:
        assert fault.what.endswith((".", "!")), fault.name
        assert fault.entities, fault.name
    assert not set(FILE_FAULTS) & set(DATABASE_FAULTS)


def test_all_faults_are_played_unless_some_are_named():
    every = len(CASES) + sum(len(fault.entities) for fault in DATABASE_FAULTS.values())
    assert len(all_cases(NO_NAMES)) == every
    assert {case.fault for case in all_cases(["refund_twice"])} == {"refund_twice"}


@pytest.mark.parametrize(("fault", "entity"), CASES, ids=[f"{fault.name}-{entity}" for fault, entity in CASES])
def test_a_fault_changes_what_is_sent_and_does_the_same_damage_every_time(deliveries, fault, entity):
    history = [delivery for _, delivery in deliveries[:-1]]
    sent = []
    for _ in range(2):
        night = Night(entity, copy.deepcopy(deliveries[-1][1]), history, Random(1))
        fault.do(night)
        sent.append({name: night.file(name) for name in COLUMNS})
    clean = Night(entity, deliveries[-1][1], history, Random(1))
    assert sent[0] == sent[1]
    assert sent[0] != {name: clean.file(name) for name in COLUMNS}


def test_the_shop_is_the_same_for_the_same_seed_and_another_for_another(deliveries):
    assert list(Shop(24, 150, LAST_ON).deliveries()) == deliveries
    assert list(Shop(24, 150, LAST_ON, seed=2).deliveries()) != deliveries


def test_a_clean_night_names_nothing_twice_and_nothing_that_was_not_sent(deliveries):
    known = {name: set() for name in ("customer_id", "product_id", "order_id")}
    for _, delivery in deliveries:
        for entity, keys in KEYS.items():
            counts = Counter(tuple(row[key] for key in keys) for row in delivery[entity])
            assert max(counts.values(), default=1) == 1
        for entity, key in (("customers", "customer_id"), ("products", "product_id"), ("orders", "order_id")):
            known[key] |= {row[key] for row in delivery[entity]}
        assert {row["customer_id"] for row in delivery["orders"]} - {""} <= known["customer_id"]
        assert {row["product_id"] for row in delivery["order_items"]} <= known["product_id"]
        assert {row["order_id"] for row in delivery["order_items"] + delivery["returns"]} <= known["order_id"]


def test_in_a_clean_night_the_lines_of_an_order_add_up_to_it(deliveries):
    lines: dict[str, list] = {}
    for _, delivery in deliveries:
        for line in delivery["order_items"]:
            lines.setdefault(line["order_id"], []).append(line)
        for order in delivery["orders"]:
            for column in ("gross_amount", "discount_amount"):
                assert Decimal(order[column]) == sum(Decimal(line[column]) for line in lines[order["order_id"]])


def test_a_delivery_is_not_changed_by_what_happens_to_its_orders_later(deliveries):
    for day, delivery in deliveries:
        for order in delivery["orders"]:
            assert order["changed_at"][:10] == day.isoformat()
