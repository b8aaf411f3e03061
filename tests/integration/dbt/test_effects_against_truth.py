"""What the marts say of the demo shop's changes and experiments, against what the simulator knows that they brought about."""

import os
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pytest

from retain import transform, warehouse
from retain.config import load_settings
from retain.demo.clock import midnight
from retain.demo.interventions import ASSIGNED_AT, CAUSES, CHANGES, EXPERIMENTS, SENT_AT
from retain.demo.orders import CHANNELS, PURCHASE
from retain.demo.simulation import Simulation, simulate
from retain.demo.text import Texts, copy_text, dates_and_times, days, integers

ACTIVE_DAYS = 180
CONFIG = """\
business: {{timezone: Asia/Yerevan, reporting_currency: EUR, active_days: {active_days}}}
as_of: 2024-12-31
warehouse: {{url: "postgresql://{user}:{password}@{host}:{port}/{dbname}"}}
sources:
  - name: shop
    type: files
    folder: .
    entities:
      orders:
        files: "none.csv"
        fields: {{order_id: id, ordered_at: at, currency: currency, gross_amount: amount, status: status}}
"""


@dataclass(frozen=True)
class Told:
    """The simulation, the cents of its purchases, and what the marts say of it: (id, window, reading, metric) to a row."""

    simulation: Simulation
    effects: dict[tuple[str, int, str, str], Any]

    @property
    def purchases(self) -> np.ndarray:
        return self.simulation.orders.kind == PURCHASE

    def brought(
        self, persons: np.ndarray, from_day: int, window_days: int, *, without: str | None = None
    ) -> np.ndarray:
        """Purchases and money of each of `persons` in the days from `from_day` on; leaving out what `without` brought about."""
        orders = self.simulation.orders
        counts = self.purchases & (orders.day >= from_day) & (orders.day < from_day + window_days)
        if without is not None:
            counts &= orders.cause != CAUSES.index(without)
        counts &= np.isin(orders.person, persons)
        row = np.searchsorted(persons, orders.person[counts])
        bought = np.bincount(row, minlength=len(persons)) > 0
        return np.array(
            [bought, np.bincount(row, weights=cents(self.simulation)[counts] / 100, minlength=len(persons))]
        )

    def truth(self, persons: np.ndarray, from_day: int, window_days: int, cause: str) -> dict[str, float]:
        """What `cause` added, a person: to the share who bought, and to their money."""
        added = self.brought(persons, from_day, window_days) - self.brought(
            persons, from_day, window_days, without=cause
        )
        return dict(zip(("bought", "net_amount"), added.mean(axis=1), strict=True))


def cents(simulation: Simulation) -> np.ndarray:
    """Net of every order in cents of a euro."""
    orders = simulation.orders
    rate = np.where(orders.currency == 1, simulation.catalogue.published_rate(orders.day), 1.0)
    return np.maximum(1, np.round(simulation.totals.net * rate)).astype(np.int64)


@pytest.fixture(scope="module")
def told(server, tmp_path_factory):
    simulation = simulate(start=date(2022, 1, 1), until=date(2024, 12, 31), seed=20250101, customers=20_000)
    database = f"effects_{os.getpid()}"
    server.create_database(database)
    path = tmp_path_factory.mktemp("effects") / "retain.yml"
    path.write_text(CONFIG.format(active_days=ACTIVE_DAYS, **server.dsn(database)))
    settings = load_settings(path)
    warehouse.prepare(settings)
    with warehouse.connect(settings) as connection:
        for table, columns in raw_tables(simulation).items():
            with connection.cursor().copy(f"copy raw.{table} ({', '.join(columns)}) from stdin".encode()) as copy:
                copy.write(copy_text(list(columns.values())))
    selected = ["--select", "+business_change_effects", "+experiment_effects", "--indirect-selection", "cautious"]
    transform.run_dbt(settings, [*transform.arguments(settings, "build"), *selected])
    with warehouse.connect(settings) as connection:
        rows = connection.execute(
            "select change_id, window_days, reading, metric, effect, effect_low, effect_high from marts_next.business_change_effects "
            "union all select experiment_id, window_days, 'experiment', metric, lift, lift_low, lift_high "
            "from marts_next.experiment_effects"
        ).fetchall()
    return Told(simulation, {tuple(row[:4]): [float(one) for one in row[4:]] for row in rows})


def raw_tables(simulation: Simulation) -> dict[str, dict[str, Texts]]:
    """Who is who is another question: here everybody has one account."""
    bought = np.flatnonzero(simulation.orders.kind == PURCHASE)
    orders, clock, assigned = simulation.orders.take(bought), simulation.clock, simulation.assignments
    changed = np.array([clock.first_day + change.day for change in CHANGES])
    starts = midnight(clock.first_day + np.array([one.day for one in EXPERIMENTS])[assigned.experiment])
    tables: dict[str, dict[str, Texts]] = {
        "orders": {
            "order_id": integers(bought),
            "customer_id": integers(orders.person),
            "ordered_at": dates_and_times(orders.at),
            "status": ["paid"] * len(orders),
            "currency": ["EUR"] * len(orders),
            "gross_amount": [f"{cent / 100:.2f}" for cent in cents(simulation)[bought].tolist()],
            "channel": [CHANNELS[channel] for channel in orders.channel.tolist()],
        },
        "business_changes": {
            "change_id": [change.change_id for change in CHANGES],
            "kind": [change.kind for change in CHANGES],
            "touched": ["channel"] * len(CHANGES),
            "touched_value": [CHANNELS[change.channel] for change in CHANGES],
            "changed_on": days(changed),
        },
        "experiment_assignments": {
            "experiment_id": [EXPERIMENTS[one].experiment_id for one in assigned.experiment.tolist()],
            "customer_id": integers(simulation.accounts.person[assigned.account]),
            "arm": ["treatment" if treated else "control" for treated in assigned.is_treated.tolist()],
            "assigned_at": dates_and_times(starts + ASSIGNED_AT),
            "starts_at": dates_and_times(starts + SENT_AT),
        },
    }
    for columns in tables.values():
        size = len(next(iter(columns.values())))
        columns |= {"source": ["shop"] * size, "_load_id": ["1"] * size}
    return tables


def treated_by(simulation: Simulation, experiment: int) -> np.ndarray:
    assigned = simulation.assignments
    rows = assigned.account[(assigned.experiment == experiment) & assigned.is_treated]
    return np.unique(simulation.accounts.person[rows])


def touched_by(simulation: Simulation, channel: int, before_from: int) -> np.ndarray:
    """Customers who came by the channel and bought in the active days before `before_from`."""
    orders = simulation.orders.take(simulation.orders.kind == PURCHASE)
    people, first = np.unique(orders.person, return_index=True)  # orders are in the order of time
    lately = orders.person[(orders.day < before_from) & (orders.day >= before_from - ACTIVE_DAYS)]
    return np.intersect1d(people[orders.channel[first] == channel], lately)


@pytest.fixture(scope="module")
def true_effects(told) -> dict[tuple[str, int, str, str], float]:
    """What every number of the marts should be; a placebo should be 0."""
    truth, first_day = {}, told.simulation.clock.first_day
    for window_days in (30, 90):
        for number, one in enumerate(EXPERIMENTS):
            treated = treated_by(told.simulation, number)
            for metric, lift in told.truth(treated, first_day + one.day, window_days, one.experiment_id).items():
                truth[one.experiment_id, window_days, "experiment", metric] = lift
        for change in CHANGES:
            on = first_day + change.day
            touched = touched_by(told.simulation, change.channel, on - window_days)
            for metric, effect in told.truth(touched, on, window_days, change.change_id).items():
                truth[change.change_id, window_days, "change", metric] = effect
                truth[change.change_id, window_days, "placebo", metric] = 0.0
    return truth


def test_every_change_and_experiment_has_its_rows(told, true_effects):
    assert set(told.effects) == set(true_effects)
    assert len(true_effects) == 24


@pytest.mark.parametrize("metric", ["bought", "net_amount"])
@pytest.mark.parametrize(
    "readout",
    [("voucher-by-mail", 30, "experiment"), ("postcard", 30, "experiment"), ("one-tap-reorder", 90, "change")],
)
def test_the_interval_holds_the_true_effect(told, true_effects, readout, metric):
    _, low, high = told.effects[*readout, metric]
    assert low <= true_effects[*readout, metric] <= high


def test_no_more_intervals_miss_the_truth_than_one_in_twenty_explains(told, true_effects):
    """Of 24 intervals of 95 %, more than four miss once in 160 shops."""
    missed = [one for one, truth in true_effects.items() if not told.effects[one][1] <= truth <= told.effects[one][2]]
    assert len(missed) <= 4, missed


def test_what_truly_worked_is_found_and_what_did_not_is_not(told, true_effects):
    for found in (("voucher-by-mail", 30, "experiment", "bought"), ("one-tap-reorder", 90, "change", "bought")):
        assert true_effects[found] > 0.03
        assert told.effects[found][1] > 0
    nothing = ("postcard", 30, "experiment", "bought")
    assert true_effects[nothing] == 0
    assert told.effects[nothing][1] < 0 < told.effects[nothing][2]
