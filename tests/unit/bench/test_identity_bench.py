"""The identity bench counts pairs: what was joined wrongly lowers precision, what was missed lowers recall."""

import pandas as pd

from bench.identity import compare, headline, lines


def people(*rows):
    names = ["source_id", "customer", "person_id", "joined_group", "shares_phone"]
    known = pd.DataFrame(rows, columns=names)
    return known[["source_id", "customer"]], known.drop(columns="customer")


def test_pairs_that_are_two_people_lower_precision_and_pairs_not_found_lower_recall():
    document = compare(
        *people(
            ("a1", "A", "P1", 1, False),
            ("a2", "A", "P1", 1, False),
            ("a3", "other", "P1", 1, False),  # missed twice: with a1 and with a2
            ("b1", "A", "P2", 2, True),  # wrongly joined, twice
            ("b2", "B", "P2", 3, False),  # gave nothing in common with b1: not to be joined
        )
    )
    assert (document["pairs_joined"], document["pairs_joined_wrongly"]) == (3, 2)
    assert (document["pairs_to_join"], document["pairs_missed"]) == (3, 2)
    assert (document["precision"], document["recall"]) == (0.333333, 0.333333)
    assert document["customers_of_several_persons"] == 1
    assert "NOT met" in headline(document)[0]
    assert ["precision", "0.333333", "≥ 0.999"] in lines(document)[1]


def test_a_shop_resolved_as_it_is_scores_one():
    document = compare(*people(("a1", "A", "P1", 1, False), ("a2", "A", "P1", 1, False), ("b1", "B", "P2", 2, False)))
    assert (document["precision"], document["recall"], document["recall_without_shared_phones"]) == (1, 1, 1)
    assert "goals are met" in headline(document)[0]
