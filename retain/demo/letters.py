"""The letters that the shop mails to the holders of web accounts, and what became of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.demo.clock import DAY, NEVER, midnight
from retain.demo.columns import Columns
from retain.demo.dice import Bits, Bools, Ints
from retain.demo.interventions import EXPERIMENTS, SENT_AT
from retain.demo.orders import NOBODY
from retain.demo.simulation import Simulation
from retain.demo.text import web_times

WELCOME, NEW_YEAR, VOUCHER = range(3)
CAMPAIGNS = ("Welcome", "New Year letter", EXPERIMENTS[0].experiment_id)
IS_FLOW = (True, False, False)  # sent by itself when somebody registers, not to everybody on one day
NEW_YEAR_MONTH, NEW_YEAR_DAY, NEW_YEAR_SHARE = 12, 10, 0.25
BOUNCES, OPENS, CLICKS = 0.015, 0.42, 0.25
# In Klaviyo's words.
RECEIVED, BOUNCED, OPENED, CLICKED, UNSUBSCRIBED = (
    "Received Email", "Bounced Email", "Opened Email", "Clicked Email", "Unsubscribed from Email Marketing",
)  # fmt: skip
METRICS = (RECEIVED, BOUNCED, OPENED, CLICKED, UNSUBSCRIBED)
LEAVES_WITHIN = 14 * DAY  # who opts out so soon after a letter does it by the link in it


@dataclass(frozen=True)
class Letters(Columns):
    """One letter each, in the order of sending."""

    ref: Bits
    account: Ints
    campaign: Ints
    sent_at: Ints


def letters_of(simulation: Simulation) -> Letters:
    """Every letter until the last day, to accounts that accepted mail when it was sent."""
    dice, clock, accounts, assigned = simulation.dice, simulation.clock, simulation.accounts, simulation.assignments
    holders = np.flatnonzero(accounts.wants_mail & (accounts.person != NOBODY))
    parts = [(WELCOME, holders, accounts.registered_at[holders] + 3_600)]
    dates = clock.days.astype("M8[D]")
    months = dates.astype("M8[M]")
    is_day = (months.astype(np.int64) % 12 + 1 == NEW_YEAR_MONTH) & (
        (dates - months).astype(np.int64) + 1 == NEW_YEAR_DAY
    )
    for day in clock.days[is_day].tolist():
        drawn = holders[dice.happens("New Year letter", NEW_YEAR_SHARE, accounts.ref[holders], day)]
        parts.append((NEW_YEAR, drawn, np.full(len(drawn), midnight(day) + SENT_AT)))
    treated = assigned.account[(assigned.experiment == 0) & assigned.is_treated]
    sent_on = clock.first_day + EXPERIMENTS[0].day
    parts.append((VOUCHER, treated, np.full(len(treated), midnight(sent_on) + SENT_AT)))
    account = np.concatenate([rows for _, rows, _ in parts])
    campaign = np.concatenate([np.full(len(rows), what, dtype=np.int64) for what, rows, _ in parts])
    sent_at = np.concatenate([at for _, _, at in parts]).astype(np.int64)
    ref = dice.bits("letter", accounts.ref[account], campaign, sent_at)
    is_open = (accounts.registered_at[account] < sent_at) & (accounts.opted_out_at[account] >= sent_at)
    sent = (sent_at < clock.cut) & is_open & (accounts.closed_at[account] >= sent_at)
    letters = Letters(ref, account, campaign, sent_at).take(sent)
    return letters.take(np.lexsort((letters.ref, letters.sent_at)))


def _what_became(simulation: Simulation, letters: Letters) -> list[tuple[str, Bools, Ints]]:
    """Which letters had each of the metrics, and when."""
    dice, ref, accounts = simulation.dice, letters.ref, simulation.accounts
    bounced = dice.happens("bounces", BOUNCES, ref)
    opened = ~bounced & dice.happens("opens", OPENS, ref)
    clicked = opened & dice.happens("clicks", CLICKS, ref)
    arrived_at = letters.sent_at + 20 + dice.below("arrives", 280, ref)
    opened_at = arrived_at + 60 + dice.exponential("opens after", 6 * 3_600.0, ref).astype(np.int64)
    left_at = accounts.opted_out_at[letters.account]
    following = np.full(len(letters), NEVER, dtype=np.int64)  # when the same account got its next letter
    order = np.lexsort((letters.sent_at, letters.account))
    same = letters.account[order][1:] == letters.account[order][:-1]
    following[order[:-1][same]] = letters.sent_at[order[1:][same]]
    leaves = opened & (left_at > opened_at) & (left_at < np.minimum(letters.sent_at + LEAVES_WITHIN, following))
    return [
        (RECEIVED, ~bounced, arrived_at), (BOUNCED, bounced, arrived_at), (OPENED, opened, opened_at),
        (CLICKED, clicked, opened_at + 30), (UNSUBSCRIBED, leaves, left_at),
    ]  # fmt: skip


def letter_things(simulation: Simulation, letters: Letters) -> dict[str, list[dict[str, Any]]]:
    """What Klaviyo holds on the last day: events, and the profiles that they are of, as its API writes them."""
    accounts, cut = simulation.accounts, simulation.clock.cut
    years = letters.sent_at.astype("M8[s]").astype("M8[Y]").astype(np.int64) + 1970
    messages = [
        f"{CAMPAIGNS[campaign]}{'' if IS_FLOW[campaign] else f' {year}'}"
        for campaign, year in zip(letters.campaign.tolist(), years.tolist(), strict=True)
    ]
    profiles = [f"P{number}" for number in accounts.customer_id[letters.account].tolist()]
    events: list[dict[str, Any]] = []
    for number, (metric, had, at) in enumerate(_what_became(simulation, letters)):
        rows = np.flatnonzero(had & (at < cut))
        for row, second, time in zip(rows.tolist(), at[rows].tolist(), web_times(at[rows]), strict=True):
            campaign = letters.campaign[row]
            named = "$flow" if IS_FLOW[campaign] else "Campaign Name"
            told = {"$message": messages[row], named: CAMPAIGNS[campaign]}
            related = (("profile", profiles[row]), ("metric", f"M{number}"))
            events.append({
                "type": "event", "id": f"{profiles[row]}-{messages[row]}-{metric}".replace(" ", "_"),
                "attributes": {"timestamp": second, "datetime": time, "event_properties": told},
                "relationships": {name: {"data": {"type": name, "id": one}} for name, one in related},
            })  # fmt: skip
    events.sort(key=lambda event: (event["attributes"]["timestamp"], event["id"]))
    holders = np.unique(letters.account)
    person, slot = accounts.person[holders], accounts.email_slot[holders]
    addresses = simulation.contacts.addresses(person, slot)
    numbers = simulation.contacts.numbers(person, accounts.has_phone[holders])
    known = [
        {"id": f"P{number}", "email": email, "phone_number": phone}
        for number, email, phone in zip(accounts.customer_id[holders].tolist(), addresses, numbers, strict=True)
    ]
    metrics = [{"id": f"M{number}", "name": name} for number, name in enumerate(METRICS)]
    return {"events": events, "profiles": known, "metrics": metrics}
