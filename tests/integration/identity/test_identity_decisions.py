"""What a person decides about who is one customer survives every build, is on record, and can be reverted."""

import psycopg
import pytest
from known import groups

from retain import identity
from retain.errors import Refused, UserError

MODELS = "int_identity_merge_log"


def test_a_split_and_a_join_survive_builds_and_full_refreshes_and_end_when_they_are_reverted(people):
    people.account("shop:1", since="2024-01-01", email="ana@x.am")
    people.account("shop:2", since="2024-02-01", email="ana@x.am")
    people.account("till:3", since="2024-03-01", phone="+37499000001")
    people.build(MODELS)
    assert people.customers() == groups("shop:1 shop:2", "till:3")
    split = identity.split(people.settings, ["shop:2"], "her brother's account", "support")
    joined = identity.join(people.settings, ["till:3", "shop:1"], "came to the desk with both", "support")
    people.build(MODELS)
    assert people.customers() == groups("shop:1 till:3", "shop:2")
    people.guest("web:7", "2024-04-01", email="ANA@x.am")  # what comes later goes with who still holds the address
    people.build(MODELS, full_refresh=True)
    assert people.customers() == groups("shop:1 till:3 web:order:7", "shop:2")
    assert people.log() == [
        ("joined", "email", "shop:2", "shop:1", "a***(at)x***"),
        ("joined", "by_hand", "till:3", "shop:1", str(joined)),
        ("parted", "email", "shop:2", "shop:1", "a***(at)x***"),
        ("joined", "email", "web:order:7", "shop:1", "a***(at)x***"),
    ]
    identity.revert(people.settings, split, "it was hers after all", "support")
    people.build(MODELS)
    assert people.customers() == groups("shop:1 till:3 web:order:7 shop:2")
    assert people.log()[4:] == [("joined", "email", "shop:2", "shop:1", "a***(at)x***")]
    with pytest.raises(UserError, match=r"reverted on .* by support: it was hers after all"):
        identity.revert(people.settings, split, "again")


def test_a_decision_about_a_guest_holds_when_an_earlier_order_comes(people):
    people.account("shop:1", since="2024-01-01", email="ana@x.am")
    people.account("shop:2", since="2024-01-01", email="bo@x.am")
    people.guest("web:7", "2024-04-07", email="ana@x.am")
    people.guest("web:9", "2024-04-09", email="of@the.desk")
    people.build(MODELS)
    assert people.customers() == groups("shop:1 web:order:7", "shop:2", "web:order:9")
    identity.split(people.settings, ["web:order:7"], "somebody else")
    identity.join(people.settings, ["web:order:9", "shop:2"], "came to the desk")
    people.guest("web:6", "2024-04-01", email="ana@x.am")
    people.guest("web:8", "2024-04-01", email="of@the.desk")
    for fresh in (False, True):
        people.build(MODELS, full_refresh=fresh)
        assert people.customers() == groups("shop:1", "web:order:6", "shop:2 web:order:8")


def test_a_decision_is_refused_with_what_is_wrong_and_leaves_nothing_behind(people):
    with pytest.raises(UserError, match="No customer is known yet"):
        identity.join(people.settings, ["shop:1", "shop:2"], "why")
    people.account("shop:1", email="ana@x.am")
    people.account("shop:2", email="ana@x.am")
    people.account("shop:3")
    people.build()
    for refused, words in (
        (lambda: identity.join(people.settings, ["shop:1", "shop:1"], "why"), "Two identities at least"),
        (lambda: identity.join(people.settings, ["shop:1", "shop:9"], "why"), "no identity shop:9"),
        (lambda: identity.join(people.settings, ["shop:1", "shop:3"], " "), "needs a reason"),
        (lambda: identity.split(people.settings, ["shop:1", "shop:3"], "why"), "of 2 customers"),
        (lambda: identity.split(people.settings, ["shop:1", "shop:2"], "why"), "the whole customer"),
        (lambda: identity.split(people.settings, ["shop:3"], "why"), "the whole customer"),
        (lambda: identity.revert(people.settings, 7, "why"), "There is no decision 7"),
    ):
        with pytest.raises(UserError, match=words):
            refused()
    assert people.ask("select count(*) from ops.identity_decisions") == [(0,)]
    number = identity.split(people.settings, ["shop:2"], "why")
    with pytest.raises(Refused, match=f"decided already: decision {number}"):
        identity.split(people.settings, ["shop:2"], "why")
    for forgery in ("delete from ops.identity_decisions", "update ops.identity_decisions set reason = 'other'"):
        with pytest.raises(psycopg.errors.RaiseException, match="is a record"):
            people.do(forgery)
