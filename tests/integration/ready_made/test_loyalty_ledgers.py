"""Points ledgers of Smile.io and LoyaltyLion: every entry once, whatever order the pages come in."""

from datetime import UTC, datetime, timedelta

import pytest
from vendors.loyalty import TOKEN, LoyaltyLion, SmileIo
from vendors.server import HTML, Answer

from retain.source_checks import check_source

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)
KILLED = Answer(b"{}", cut_after=0)
SMALL_PAGES = "    entities:\n      customers: {params: {limit: 2}}\n      loyalty_entries: {params: {limit: 2}}\n"


@pytest.fixture
def smile(described):
    one = described(SmileIo(), "smile", "/v1", SMALL_PAGES, token=TOKEN)
    one.vendor.rows = {"customers": {}, "points_transactions": {}}
    return one


@pytest.fixture
def lion(described):
    one = described(LoyaltyLion(), "loyaltylion", "/v2", SMALL_PAGES.replace("      customers: {params: {limit: 2}}\n", ""),
                    token=TOKEN, shop="web")  # fmt: skip
    one.vendor.rows = {"transactions": {}}
    return one


def now(minutes=2):
    return datetime.now(UTC) - timedelta(minutes=minutes)


def points(one):
    return one.ask("select entry_id, kind, status, points::int from raw.loyalty_entries order by entry_id::numeric")


def earned(number, change=100, description="Points for an order"):
    return {"id": number, "customer_id": 7, "points_change": change, "description": description, "internal_note": None}


def test_smiles_entries_and_members_are_in_raw(smile):
    smile.vendor.put(
        "customers", {"id": 7, "first_name": "Ana", "last_name": "B", "email": "a@x.am", "state": "member"}, DAY
    )
    smile.vendor.put(
        "customers", {"id": 8, "first_name": "New", "last_name": "", "email": "n@x.am", "state": "candidate"}, DAY
    )
    for number, (change, words) in enumerate(
        [
            (100, "Order #1"),
            (-40, "5 EUR off"),
            (-10, "Points expired"),
            (-5, "Order #1 was refunded"),
            (3, "Points correction"),
        ],
        1,
    ):
        smile.vendor.put("points_transactions", earned(number, change, words), DAY)
    assert smile.load("customers").rows_quarantined == 0
    assert smile.ask("select customer_id, email, full_name from raw.customers") == [("7", "a@x.am", "Ana B")]
    assert smile.load("loyalty_entries").rows_quarantined == 0
    assert points(smile) == [
        ("1", "earned", "approved", 100),
        ("2", "redeemed", "approved", -40),
        ("3", "expired", "approved", -10),
        ("4", "adjusted", "approved", -5),
        ("5", "adjusted", "approved", 3),
    ]


def test_entries_that_come_while_pages_are_read_take_no_other_one_with_them(smile):
    """Newest first: each new entry is on the first page, which was read."""
    for number in range(1, 8):
        smile.vendor.put("points_transactions", earned(number), DAY)  # all at one moment: ties at every edge

    def earn(request):
        smile.vendor.put("points_transactions", earned(100 + len(smile.vendor.requests)), now(0))

    smile.vendor.always = earn
    assert smile.load("loyalty_entries").status == "published"
    smile.vendor.always = None
    assert {row[0] for row in points(smile)} >= {str(number) for number in range(1, 8)}
    smile.load("loyalty_entries")
    assert {row[0] for row in points(smile)} == {str(number) for number in smile.vendor.rows["points_transactions"]}
    assert smile.does_not_add_up() == []


def test_a_changed_entry_is_read_again_and_an_old_one_is_not(smile):
    for number in range(1, 4):
        smile.vendor.put("points_transactions", earned(number), DAY)
    smile.load("loyalty_entries")
    smile.vendor.put("points_transactions", earned(2, 90), now())
    again = smile.load("loyalty_entries")
    assert (again.rows_sent, again.rows_changed) == (1, 1)
    assert points(smile)[1] == ("2", "earned", "approved", 90)


def test_a_crash_between_pages_costs_the_running_page_alone(smile):
    for number in range(1, 8):
        smile.vendor.put("points_transactions", earned(number), DAY)
    smile.vendor.always = lambda request: KILLED if len(smile.vendor.requests) > 2 else None
    assert smile.load("loyalty_entries").status == "unreadable"
    smile.vendor.always = None
    smile.vendor.forget_requests()
    assert smile.load("loyalty_entries").rows_sent == 7
    assert len(smile.vendor.requests) == 2
    assert len(points(smile)) == 7


def test_lions_rows_are_earned_pending_spent_taken_back_and_expired(lion):
    rows = [
        ("activity", 0, 50), ("activity", 50, -50), ("activity", -50, 0), ("claimed_reward", -30, 0), ("claimed_reward", 30, 0),
        ("expiry", -5, 0), ("adjustment", 7, 0),
    ]  # fmt: skip
    person = {"id": 1, "merchant_id": "w7", "email": "a@x.am", "points_pending": 0, "points_approved": 0}
    for number, (resource, approved, pending) in enumerate(rows, 1):
        row = {
            "id": number,
            "customer": person,
            "resource": resource,
            "points_approved": approved,
            "points_pending": pending,
        }
        lion.vendor.put("transactions", row, DAY)
    assert lion.load("loyalty_entries").rows_quarantined == 0
    assert points(lion) == [
        ("1", "earned", "pending", 50),
        ("2", "earned", "approved", 50),
        ("3", "adjusted", "approved", -50),
        ("4", "redeemed", "approved", -30),
        ("5", "adjusted", "approved", 30),
        ("6", "expired", "approved", -5),
        ("7", "adjusted", "approved", 7),
    ]
    assert lion.ask("select distinct customer_id, customer_source, email from raw.loyalty_entries") == [
        ("w7", "web", "a@x.am")
    ]
    lion.vendor.put("transactions", {**row, "id": 8}, now())
    assert lion.load("loyalty_entries").rows_changed == 1
    assert lion.does_not_add_up() == []


def test_check_says_what_is_wrong_with_a_key(smile, lion):
    smile.vendor.put("points_transactions", earned(1), DAY)
    assert {one.state for one in check_source(smile.settings, "one")} <= {"good", "warning"}
    smile.vendor.token = lion.vendor.token = "another"
    for one, words in ((smile, "Settings > Developer tools"), (lion, "Manage > API keys")):
        (finding,) = check_source(one.settings, "one")
        assert "does not accept the credentials (401: Invalid API key)" in finding.sentence
        assert words in finding.to_do
    smile.vendor.always = lambda request: HTML
    assert "a login page, a firewall" in next(iter(check_source(smile.settings, "one"))).sentence
