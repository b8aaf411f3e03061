"""The whole of the demo shop's history until one day, in memory; writing it down is left to others."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from retain.demo.baskets import Lines, Returns, Totals, add_up, fill_baskets, give_back
from retain.demo.buying import Buyers, Occasions, buy
from retain.demo.catalogue import Catalogue
from retain.demo.clock import FIRST_START, Clock
from retain.demo.contacts import COUNTRIES, Contacts, people
from retain.demo.dice import Bools, Dice
from retain.demo.identities import Accounts, Cards, Identified, identify
from retain.demo.interventions import Assignments, assignments, brought_by_changes, brought_by_experiments
from retain.demo.orders import NOBODY, Extra, Orders, sells_at_storefront, take_orders
from retain.errors import UserError

FEWEST_CUSTOMERS = 100


@dataclass(frozen=True)
class Simulation:
    """All that happened in the shop from `clock.start` to `clock.until`. `identified`, `totals`, `abroad` and
    `at_storefront` stand beside `orders`."""

    dice: Dice
    clock: Clock
    catalogue: Catalogue
    contacts: Contacts
    buyers: Buyers
    occasions: Occasions
    orders: Orders
    accounts: Accounts
    cards: Cards
    identified: Identified
    lines: Lines
    totals: Totals
    returns: Returns
    abroad: Bools
    at_storefront: Bools
    assignments: Assignments


def simulate(*, start: date, until: date, seed: int, customers: int) -> Simulation:
    """Live through every day from `start` to `until`, both included.

    `customers` is how many people join in the first three years; they go on joining at that pace. With a later `until`
    everything before stays exactly as it was.

    Raises UserError as `check_asked` does.
    """
    check_asked(start=start, until=until, customers=customers)
    dice, clock = Dice(seed), Clock(start, until)
    catalogue = Catalogue(dice, clock)
    buyers, occasions = buy(dice, clock, customers)
    extra = brought_by_changes(dice, clock, buyers, occasions)
    orders = take_orders(dice, clock, catalogue, occasions, extra, customers)
    accounts, cards, identified = identify(dice, clock, buyers, orders, customers)
    by_experiments = brought_by_experiments(dice, clock, buyers, occasions, accounts)
    if len(by_experiments):
        # Who is in an experiment is known by what they did before it, and what it makes them buy changes what comes after.
        orders = take_orders(dice, clock, catalogue, occasions, Extra.joined(extra, by_experiments), customers)
        accounts, cards, identified = identify(dice, clock, buyers, orders, customers)
    country = people(dice, np.maximum(orders.person, 0)).country
    abroad = (orders.person != NOBODY) & (country != COUNTRIES.index("AM")) & ~orders.in_store
    lines = fill_baskets(dice, catalogue, orders)
    totals = add_up(orders, lines, abroad)
    returns = give_back(dice, orders, lines, totals, clock.cut)
    return Simulation(
        dice=dice,
        clock=clock,
        catalogue=catalogue,
        contacts=Contacts(dice),
        buyers=buyers,
        occasions=occasions,
        orders=orders,
        accounts=accounts,
        cards=cards,
        identified=identified,
        lines=lines,
        totals=totals,
        returns=returns,
        abroad=abroad,
        at_storefront=abroad & sells_at_storefront(clock, orders),
        assignments=assignments(dice, clock, accounts),
    )


def check_asked(*, start: date, until: date, customers: int) -> None:
    """Raise UserError for a start before 2012, an `until` before the start, and a shop that is too small to be one."""
    if start < FIRST_START:
        raise UserError(f"The demo shop cannot start on {start}.", hint=f"It can start on {FIRST_START} or later.")
    if until < start:
        raise UserError(f"The demo shop cannot end on {until}, before it starts on {start}.")
    if customers < FEWEST_CUSTOMERS:
        raise UserError(f"The demo shop needs at least {FEWEST_CUSTOMERS} customers; found {customers}.")
