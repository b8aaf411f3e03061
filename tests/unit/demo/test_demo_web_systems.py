"""What the storefront, the help desk, the letters and the points hold: of the same people, and the same on a later day."""

import http.client
import signal
import socket
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retain.cli import instance
from retain.cli import serving as cli_serving
from retain.demo import serving
from retain.demo.complaints import QUESTION, WAITS, complain
from retain.demo.fill import Filled
from retain.demo.letters import CLICKED, OPENED, RECEIVED, UNSUBSCRIBED
from retain.demo.points import REWARD
from retain.demo.serving import COLLECTIONS, Standing, Systems, answers_at
from retain.demo.simulation import simulate
from retain.demo.systems import held, system_files
from retain.demo.vendors.server import LOOPBACK, running
from retain.demo.wrong import OFF_SCALE
from retain.embedded import free_port, port_is_taken

UNTIL = date(2024, 12, 31)
CUT = "2024-12-31T20:00:00Z"
# Where a thing says what it is called, and when it last changed.
NAMES = {"letters/events": lambda one: (one["id"], one["attributes"]["datetime"])}


def told(shop: Any, name: str) -> dict[Any, tuple[str, dict[str, Any]]]:
    """Things of a collection by id, with their last change; those without one (profiles, metrics) never change."""
    named = NAMES.get(name, lambda one: (one["id"], one.get("updated_at") or one.get("updatedAt") or ""))
    things = shop.things(name)
    found = {named(one)[0]: (named(one)[1], one) for one in things}
    assert len(found) == len(things), name
    return found


@pytest.mark.parametrize("name", [f"{system}/{one}" for system, names in COLLECTIONS.items() for one in names])
@pytest.mark.parametrize("later_by", [1, 37])
def test_a_later_day_only_adds_and_changes_what_it_says_that_it_changed(
    until_day: Callable[..., Any], name: str, later_by: int
) -> None:
    early, late = until_day(UNTIL - timedelta(days=later_by)), until_day(UNTIL)
    before, after = told(early, name), told(late, name)
    ended = f"{UNTIL - timedelta(days=later_by)}T20:00:00Z"
    assert before
    assert before.keys() <= after.keys()
    assert all(changed < CUT for changed, _ in after.values())
    if name == "letters/profiles":
        assert all(after[key] == one for key, one in before.items())
        return
    assert {key for key in after if before.get(key) != after[key]} == {
        key for key, (changed, _) in after.items() if changed >= ended
    }


def test_an_order_of_the_storefront_is_of_somebody_abroad_and_adds_up(shop: Any) -> None:
    orders = shop.things("storefront/orders")
    assert len(orders) > 200

    def amount(thing: dict[str, Any]) -> Decimal:
        return Decimal(thing["shopMoney"]["amount"])

    variants = {one["variants"][0]["id"] for one in shop.things("storefront/products")}
    for order in orders:
        lines = order["lineItems"]
        discounts = [amount(one["allocatedAmountSet"]) for line in lines for one in line["discountAllocations"]]
        assert sum(discounts) == amount(order["totalDiscountsSet"])
        assert sum(amount(line["originalTotalSet"]) for line in lines) - sum(discounts) == amount(
            order["subtotalPriceSet"]
        )
        assert sum(amount(one["amountSet"]) for one in order["transactions"]) == amount(order["totalRefundedSet"])
        assert order["shippingAddress"]["countryCodeV2"] != "AM"
        assert amount(order["totalTaxSet"]) == 0
        assert {line["variant"]["id"] for line in lines} <= variants
    said = Counter((one["displayFinancialStatus"], one["cancelledAt"] is not None) for one in orders)
    assert {("PAID", False), ("PENDING", True), ("PARTIALLY_REFUNDED", False), ("REFUNDED", False)} <= said.keys()


def test_every_order_stands_in_one_system(shop: Any) -> None:
    orders = shop.simulation.orders
    arrived = orders.arrived_at < shop.simulation.clock.cut
    ids = len(shop.tables["orders"][0]), len(shop.things("storefront/orders"))
    assert sum(ids) == int((arrived & ~orders.in_store).sum())


def test_a_ticket_is_about_an_order_of_who_wrote_it(shop: Any) -> None:
    people = {row["source_id"]: row["person_id"] for row in shop.truth["identities"].to_pylist()}
    bought = {row["source_id"]: row["person_id"] for row in shop.truth["purchases"].to_pylist()}
    written = {row["ticket_id"]: row for row in shop.truth["complaints"].to_pylist()}
    tickets = shop.things("helpdesk/tickets")
    assert len(tickets) == len(written) > 100
    for ticket in tickets:
        truth = written[str(ticket["id"])]
        assert people[f"helpdesk:{ticket['requester_id']}"] == truth["person_id"] == bought[truth["source_id"]]
    solved = {one["id"] for one in tickets if one["status"] in ("solved", "closed")}
    answers = shop.things("helpdesk/survey_responses")
    assert {int(one["subject_zrns"][0].rpartition(":")[2]) for one in answers} <= solved
    assert {"open", "solved", "closed"} <= {one["status"] for one in tickets} <= {"new", "open", "solved", "closed"}


def test_who_waits_for_an_answer_stops_more_often_and_is_less_satisfied() -> None:
    simulation = simulate(start=date(2020, 1, 1), until=date(2022, 12, 31), seed=3, customers=20_000)
    tickets, _ = complain(simulation)
    complaints = tickets.take(tickets.about != QUESTION)
    stops = [complaints.stops[complaints.waits == waits].mean() for waits in (False, True)]
    assert stops[1] > 2.5 * stops[0]
    assert tickets.waits[tickets.about == QUESTION].mean() == pytest.approx(WAITS, abs=0.05)
    hours = (tickets.replied_at - tickets.opened_at) / 3_600
    assert hours[~tickets.waits].max() < 24 < hours[tickets.waits].min()
    on_scale = tickets.take(tickets.score != OFF_SCALE)
    satisfied = [(on_scale.score[on_scale.waits == waits] >= 4).mean() for waits in (False, True)]
    assert satisfied == pytest.approx([0.8, 0.2], abs=0.05)
    assert 0 < (tickets.score == OFF_SCALE).sum() < 0.02 * len(tickets)


def test_a_letter_goes_to_who_accepts_mail_and_is_opened_before_it_is_clicked_or_left_by(shop: Any) -> None:
    accounts = shop.simulation.accounts
    row_of = {f"P{number}": row for row, number in enumerate(accounts.customer_id.tolist())}
    metric_of = {one["id"]: one["name"] for one in shop.things("letters/metrics")}
    of_message: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for event in shop.things("letters/events"):
        profile = event["relationships"]["profile"]["data"]["id"]
        metric = metric_of[event["relationships"]["metric"]["data"]["id"]]
        message = event["attributes"]["event_properties"]["$message"]
        of_message[profile, message][metric] = event["attributes"]["timestamp"]
    for (profile, _), came in of_message.items():
        row = row_of[profile]
        assert accounts.wants_mail[row]
        assert min(came.values()) < accounts.opted_out_at[row] + 600
        times = [came[metric] for metric in (RECEIVED, OPENED, CLICKED) if metric in came]
        assert times == sorted(times)
        assert came.get(UNSUBSCRIBED, accounts.opted_out_at[row]) == accounts.opted_out_at[row]
        assert OPENED in came or not {CLICKED, UNSUBSCRIBED} & came.keys()
    treated = shop.simulation.assignments
    sent = {profile for profile, message in of_message if message.startswith("voucher-by-mail")}
    chosen = treated.account[(treated.experiment == 0) & treated.is_treated]
    meant = {f"P{number}" for number in accounts.customer_id[chosen].tolist()}
    assert sent <= meant
    assert len(sent) > 0.97 * len(meant), "some opt out between the draw and the sending"


def test_points_are_a_balance_that_is_turned_into_rewards(shop: Any) -> None:
    members = {one["id"] for one in shop.things("points/customers")}
    balance: dict[int, int] = defaultdict(int)
    for entry in shop.things("points/points_transactions"):
        assert entry["customer_id"] in members
        if entry["description"] == "Reward redeemed":
            assert entry["points_change"] % REWARD == 0
        if not entry["description"].startswith("Refund"):
            balance[entry["customer_id"]] += entry["points_change"]
            assert balance[entry["customer_id"]] >= 0
    assert max(balance.values()) < 3 * REWARD
    assert len(balance) > 100


@pytest.fixture
def folder(shop: Any, tmp_path: Path) -> Path:
    for name, text in shop.systems.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def asked(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_the_systems_listen_on_loopback_and_let_nobody_in_without_the_key(folder: Path) -> None:
    with running(Systems(folder)) as systems:
        address, port = systems.url.removeprefix("http://").split(":")
        assert address == LOOPBACK
        for path in ("/helpdesk/api/v2/incremental/tickets/cursor.json", "/letters/api/events", "/points/v1/customers"):
            assert asked(int(port), path)[0] == 401, path
        assert asked(int(port), "/shop")[0] == 404
    assert not port_is_taken(int(port))


def test_a_second_process_waits_and_takes_over_when_the_first_one_ends(folder: Path, tmp_path_factory: Any) -> None:
    port = free_port()
    first = Standing(folder, port)
    second = Standing(folder, port)
    assert answers_at(port, folder)
    assert not answers_at(port, tmp_path_factory.mktemp("another"))
    first.stop()
    ends = datetime.now() + timedelta(seconds=10)
    while not answers_at(port, folder):
        assert datetime.now() < ends
    second.stop()
    assert not port_is_taken(port)


def test_the_demo_s_port_stays_unless_another_program_has_taken_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "DEMO_FOLDER", tmp_path)
    addresses = []
    for _ in range(2):
        standing = instance.serve_demo_systems.__wrapped__()
        addresses.append(standing.address)
        standing.stop()
    assert addresses[0] == addresses[1]
    with socket.create_server((LOOPBACK, int(addresses[0].rpartition(":")[2]))):
        monkeypatch.setattr(serving, "SECONDS_TO_SAY", 0.1)
        elsewhere = instance.serve_demo_systems.__wrapped__()
        elsewhere.stop()
    assert elsewhere.address != addresses[0]


def test_the_container_of_the_shop_answers_as_its_systems_before_it_is_filled_and_until_it_is_stopped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, said = free_port(), []
    empty = tmp_path / "srv"

    def fill_it(*folders: Any, **_: Any) -> Filled:
        said.append(asked(port, "/points/v1/customers"))
        (empty / "systems").symlink_to(folder)
        said.append(asked(port, "/points/v1/customers"))
        signal.raise_signal(signal.SIGTERM)
        return Filled(UNTIL, UNTIL, True, {}, 0)

    empty.mkdir()
    for name, value in (("EVERY_ADDRESS", LOOPBACK), ("SYSTEMS_PORT", port), ("OPEN", tmp_path / "open")):
        monkeypatch.setattr(cli_serving, name, value)
    monkeypatch.setattr(cli_serving, "shop_of_the_stack", lambda: ({}, empty))
    monkeypatch.setattr("retain.demo.fill.fill", fill_it)
    cli_serving.shop(800)
    assert said[0] == (503, b"The shop is not filled yet.")
    assert said[1][0] == 401
    assert not port_is_taken(port)


def test_who_serves_the_systems_reads_nothing_of_the_simulator() -> None:
    """Every command of the demo serves them: none may wait for numpy only for that."""
    code = "import sys, retain.demo.serving; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_same_seed_writes_the_same_bytes(shop: Any) -> None:
    again = simulate(start=shop.simulation.clock.start, until=UNTIL, seed=7, customers=3_000)
    assert dict(system_files(again, held(again))) == shop.systems
    assert np.array_equal(again.orders.ref, shop.simulation.orders.ref)
