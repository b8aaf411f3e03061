"""Who is one person, built as data comes and goes: the same as from scratch, and only where something was touched."""

import random
from datetime import date

from known import groups

from retain.config.identity import Limits


def test_an_incremental_build_equals_a_full_one_whatever_came_changed_and_went(people):
    chance = random.Random(11)

    def say(name):
        people.account(
            name,
            since=f"2025-0{chance.randrange(1, 7)}-1{chance.randrange(10)}",
            email=chance.choice([f"e{chance.randrange(30)}@x.am", "desk@x.am", None]),
            phone=chance.choice([f"+374{chance.randrange(25)}", None]),
            loyalty_card=chance.choice([f"k{chance.randrange(40)}", None, None]),
            merged_into=chance.choice([f"{chance.randrange(60)}", *[None] * 9]),
            merged_ids=chance.choice([f"{chance.randrange(60)};{chance.randrange(99)}", *[None] * 19]),
        )

    for number in range(60):
        say(f"shop:{number}")
    people.build()
    for turn in range(2):
        for number in range(12):
            say(f"shop:{chance.randrange(60)}")
            say(f"till:{turn}{number}")
            people.guest(f"web:{chance.randrange(20)}", "2025-03-01", email=f"e{chance.randrange(30)}@x.am")
        people.do("update raw.customers set is_deleted = true where customer_id in (%s, %s)", f"{turn}7", f"{turn}9")
        decision = "split" if turn else "join"
        people.do(
            "insert into ops.identity_decisions (decision, source_ids, reason, decided_by) values (%s, %s, 'asked', 'me')",
            decision,
            ["shop:3", "shop:4"],
        )
        people.build()
        step_by_step = people.resolved()
        people.build(full_refresh=True)
        assert step_by_step == people.resolved()
        assert len({row[1] for row in step_by_step}) < len(step_by_step), "nobody was joined"
    people.configure(rules=("phone", "email"), limits=Limits(phone=2, email=2))
    people.as_of(date(2025, 3, 20))
    people.build()
    step_by_step = people.resolved()
    people.build(full_refresh=True)
    assert step_by_step == people.resolved()


def test_only_the_cluster_that_a_load_touched_is_put_together_anew(people):
    for number in range(30):
        people.account(f"shop:{number}", email=f"e{number % 10}@x.am", loyalty_card=f"k{number % 10}")
    people.build()
    (before,) = people.ask("select max(resolved_at) from intermediate.int_identity_components")[0]
    people.account("till:1", since="2025-02-01", loyalty_card="K-3")
    people.account("till:2", since="2025-02-01", loyalty_card="new")
    people.build()
    touched = people.ask(
        "select source_id from intermediate.int_identity_components where resolved_at > %s order by 1", before
    )
    assert [name for (name,) in touched] == ["shop:13", "shop:23", "shop:3", "till:1", "till:2"]
    people.do("update raw.customers set is_deleted = true where customer_id = '4'")
    people.build()
    assert people.customers() >= groups("shop:14 shop:24", "shop:13 shop:23 shop:3 till:1", "till:2")


def test_a_merge_keeps_the_older_key_and_so_does_a_customer_that_grows(people):
    people.account("shop:9", since="2024-01-01", email="old@x.am")
    people.account("shop:5", since="2024-06-01", phone="+3741")
    people.build()
    older, newer = people.key_of("shop:9"), people.key_of("shop:5")
    assert older != newer
    people.account("app:1", since="2025-01-01", email="old@x.am", phone="+3741")  # smaller than both, and the youngest
    people.build()
    assert people.customers() == groups("shop:9 shop:5 app:1")
    assert {people.key_of(name) for name in ("shop:9", "shop:5", "app:1")} == {older}
    people.account("app:1", since="2025-01-01", email="other@x.am")
    people.build()
    assert people.customers() == groups("shop:9", "shop:5", "app:1")
    assert (people.key_of("shop:9"), people.key_of("shop:5")) == (older, newer)


def test_a_till_tablet_joins_nobody_and_a_shared_phone_joins_no_two_cards(people):
    for number in range(6):
        people.account(f"till:{number}", email="tablet@x.am", loyalty_card=f"K{number}")
    people.guest("till:100", "2025-01-01", email="TABLET@x.am")
    people.account("shop:1", phone="+3741", loyalty_card="K0")
    people.account("shop:2", phone="+3741", loyalty_card="K1")
    people.account("shop:3", phone="+3741")
    people.build()
    assert people.customers() == groups(
        "till:0 shop:1", "till:1 shop:2", "shop:3", *(f"till:{number}" for number in range(2, 6))
    )
