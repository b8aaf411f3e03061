"""What every load of business changes must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import Shop, lookup_rule, not_before_the_calendar, of_every_entity, one_of, row_rule, suite_of
from retain.entities import CHANGE_KINDS, ENTITIES, TOUCHED


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "business_changes",
        shop,
        [
            *of_every_entity(ENTITIES["business_changes"], shop),
            one_of("kind", "kind_known", f"kind is none of {', '.join(CHANGE_KINDS)}", CHANGE_KINDS),
            one_of("touched", "touched_known", f"touched is none of {', '.join(TOUCHED)}", TOUCHED),
            row_rule(
                "everybody_is_everybody",
                "touched is everybody, and touched_value says something else",
                "touched = 'everybody' and touched_value <> 'everybody'",
                about=("touched", "touched_value"),
            ),
            not_before_the_calendar("changed_on"),
            # A change has one day: of two, nobody can tell which one divides before from after.
            lookup_rule(
                "changed_once",
                "kind or changed_on is not the same in all rows of the change",
                "change_id in (select change_id from {batch} group by change_id "
                "having min(changed_on) <> max(changed_on) or min(kind) <> max(kind))",
                about=("changed_on", "kind"),
            ),
            lookup_rule(
                "touched_customer_exists",
                "touched_value names a customer that customers does not have",
                "touched = 'customer' and not exists (select 1 from raw.customers as known "
                "where known.source = subselect.source and known.customer_id = subselect.touched_value)",
                about=("touched", "touched_value"),
                waits=True,
            )
            if "customers" in shop.entities
            else None,
        ],
    )
