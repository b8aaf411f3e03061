"""What every load of assignments to the arms of experiments must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    lookup_rule,
    not_before_the_calendar,
    not_in_the_future,
    of_every_entity,
    one_of,
    refers_to,
    row_rule,
    suite_of,
)
from retain.entities import ARMS, ENTITIES


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "experiment_assignments",
        shop,
        [
            *of_every_entity(ENTITIES["experiment_assignments"], shop),
            one_of("arm", "arm_known", f"arm is none of {', '.join(ARMS)}", ARMS),
            row_rule(
                "share_between_0_and_1",
                "treatment_share is not between 0 and 1",
                "treatment_share <= 0 or treatment_share >= 1",
                about=("treatment_share",),
            ),
            not_in_the_future("assigned_at", shop),
            not_before_the_calendar("assigned_at"),
            # Who is assigned once it is known what they did proves nothing.
            row_rule(
                "assigned_before_start",
                "assigned_at lies after starts_at: the customer was assigned after the experiment had begun",
                "assigned_at > starts_at",
                about=("assigned_at", "starts_at"),
            ),
            lookup_rule(
                "in_one_arm",
                "the customer is in both arms of the experiment",
                "(experiment_id, customer_id) in (select experiment_id, customer_id from {batch} "
                "group by experiment_id, customer_id having min(arm) <> max(arm)) "
                "or exists (select 1 from raw.experiment_assignments as known where known.source = subselect.source "
                "and known.experiment_id = subselect.experiment_id and known.customer_id = subselect.customer_id "
                "and not known.is_deleted and known.arm <> subselect.arm)",
                about=("arm",),
            ),
            refers_to("customers", "customer_id") if "customers" in shop.entities else None,
        ],
    )
