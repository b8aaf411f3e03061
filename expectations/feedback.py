"""What every load of feedback must satisfy before anything reads it."""

import great_expectations as gx

from expectations.rules import (
    Shop,
    about_somebody,
    one_of,
    row_rule,
    suite_of,
)
from retain.entities import ENTITIES, FEEDBACK_KINDS


def suite(shop: Shop) -> gx.ExpectationSuite:
    return suite_of(
        "feedback",
        shop,
        [
            *about_somebody(ENTITIES["feedback"], shop),
            one_of("kind", "kind_known", f"kind is none of {', '.join(FEEDBACK_KINDS)}", FEEDBACK_KINDS),
            row_rule(
                "scale_has_a_width",
                "highest_score is not above lowest_score",
                "highest_score <= lowest_score",
                about=("highest_score", "lowest_score"),
            ),
            row_rule(
                "score_on_its_scale",
                "score is not between lowest_score and highest_score",
                "lowest_score < highest_score and (score < lowest_score or score > highest_score)",
                about=("score", "lowest_score", "highest_score"),
            ),
            # Promoters and detractors are counted by the eleven answers of the question.
            row_rule(
                "nps_is_0_to_10",
                "kind is nps, and its scale is not 0 to 10",
                "kind = 'nps' and lowest_score < highest_score and (lowest_score, highest_score) <> (0, 10)",
                about=("kind", "lowest_score", "highest_score"),
            ),
        ],
    )
