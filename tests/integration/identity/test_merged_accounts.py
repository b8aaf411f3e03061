"""Accounts that their source made one: all that either did is one customer's, until a person says otherwise."""

from known import groups

from retain import identity

LOG = "int_identity_merge_log"


def deleted(people, name, **said):
    """The account is gone from its source, which says of it what it said before, and `said`."""
    people.account(name, **said)
    source, _, number = name.partition(":")
    people.do("update raw.customers set is_deleted = true where source = %s and customer_id = %s", source, number)


def ordered(people, name, account, on):
    people.guest(name, on, customer_id=account)


def asked(people, number, account):
    people.do(
        "insert into raw.tickets (source, ticket_id, customer_id, opened_at, status, _load_id) values ('crm', %s, %s, %s, 'open', 1)",
        *(number, account, "2025-02-01 12:00+00"),
    )


def test_what_an_account_did_that_was_merged_away_counts_for_the_one_that_remains(people):
    people.account("crm:old", since="2024-01-01", email="before@x.am", loyalty_card="K1")
    people.account("crm:new", since="2024-06-01", email="after@x.am", loyalty_card="K2")
    people.account("till:1", since="2024-02-01", loyalty_card="K1")
    ordered(people, "crm:1", "old", "2024-03-01")
    asked(people, "7", "old")
    people.account("crm:silent", since="2024-03-01")
    asked(people, "8", "silent")
    people.build(LOG)
    assert people.customers() == groups("crm:old till:1", "crm:new", "crm:silent")
    older = people.key_of("crm:old")
    deleted(people, "crm:old", since="2024-01-01", email="before@x.am", loyalty_card="K1", merged_into="new")
    deleted(people, "crm:silent", since="2024-03-01", merged_into="new")
    ordered(people, "crm:2", "new", "2024-04-01")
    people.build(f"{LOG} +fct_orders +fct_tickets")
    assert people.customers() == groups("crm:old crm:new crm:silent till:1")  # who is known by a card still is
    assert {people.key_of(name) for name in ("crm:old", "crm:new", "crm:silent")} == {older}
    assert people.ask("select customer_key, count(*) from marts_next.fct_orders group by 1") == [(older, 2)]
    assert people.ask("select ticket_id, customer_key from marts_next.fct_tickets order by 1") == [
        ("7", older),
        ("8", older),
    ]
    assert people.log() == [
        ("joined", "loyalty_card", "till:1", "crm:old", "***K1"),
        ("joined", "merged", "crm:new", "crm:old", "crm:new"),
        ("joined", "merged", "crm:silent", "crm:old", "crm:new"),
    ]
    step_by_step = people.resolved()
    people.build(full_refresh=True)
    assert people.resolved() == step_by_step


def test_who_was_split_off_by_hand_stays_apart_from_what_the_source_made_of_it(people):
    people.account("crm:1", since="2024-01-01")
    people.account("crm:2", since="2024-02-01", merged_ids="1;3")
    people.account("crm:3", since="2024-03-01")
    people.build(LOG)
    assert people.customers() == groups("crm:1 crm:2 crm:3")
    number = identity.split(people.settings, ["crm:1"], "two people, whatever the CRM's user thought", "support")
    people.build(LOG)
    assert people.customers() == groups("crm:1", "crm:2 crm:3")
    assert people.log()[2:] == [
        ("joined", "merged", "crm:3", "crm:2", "crm:2"),
        ("parted", "merged", "crm:2", "crm:1", "crm:2"),
        ("parted", "merged", "crm:3", "crm:1", "crm:2"),
    ]
    identity.revert(people.settings, number, "they were one after all", "support")
    people.build(LOG)
    assert people.customers() == groups("crm:1 crm:2 crm:3")
    people.account("crm:2", since="2024-02-01", merged_ids="3")  # undone at the source
    people.build(LOG)
    assert people.customers() == groups("crm:1", "crm:2 crm:3")


def test_chains_and_circles_are_one_customer_and_nobody_is_merged_into_the_unknown_or_into_himself(people):
    deleted(people, "crm:a", since="2024-01-01", merged_into="b")
    deleted(people, "crm:b", since="2024-02-01", merged_into="c")
    people.account("crm:c", since="2024-03-01")
    people.account("crm:d", merged_into="e")
    people.account("crm:e", merged_into="d")
    people.account("crm:f", merged_into="f", merged_ids="f")
    deleted(people, "crm:g", merged_into="never read")
    people.account("crm:h", merged_into="never read")
    people.account("crm:i", merged_into="never read")
    people.account("web:a", merged_ids="i")  # of its own source, where there is none
    people.build()
    assert people.customers() == groups("crm:a crm:b crm:c", "crm:d crm:e", "crm:f", "crm:h crm:i", "web:a web:i")
    before = people.key_of("crm:c")
    people.do("update raw.customers set is_deleted = true where customer_id = 'c'")
    people.build()
    assert people.customers() == groups("crm:d crm:e", "crm:f", "crm:h crm:i", "web:a web:i")
    deleted(people, "crm:c", since="2024-03-01", merged_into="f")
    people.build()
    assert people.customers() == groups("crm:a crm:b crm:c crm:f", "crm:d crm:e", "crm:h crm:i", "web:a web:i")
    assert people.key_of("crm:f") == before
