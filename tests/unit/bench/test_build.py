"""Two engines' results are compared cell by cell, and a statement of dbt names its model."""

from bench.build.memory import NODE
from bench.build.peers import MARTS, RESULTS, differing


def test_equal_tables_do_not_differ_in_whatever_order():
    assert differing([(1, "a"), (2, "b")], [(2, "b"), (1, "a")]) == {"rows": 2, "cells": 4, "differences": 0}


def test_a_row_that_only_one_side_has_differs_in_every_cell():
    assert differing([(1, "a"), (2, "c")], [(1, "a"), (2, "b")])["differences"] == 4
    assert differing([(1, "a")], [(1, "a"), (1, "a")])["differences"] == 2
    assert differing([], [(1, "a")]) == {"rows": 1, "cells": 2, "differences": 2}


def test_every_result_has_a_mart_to_be_compared_with():
    assert RESULTS.keys() == MARTS.keys()


def test_the_comment_that_dbt_writes_names_the_model():
    comment = '/* {"app": "dbt", "node_id": "model.retain.int_orders", "target_name": "warehouse"} */ create table'
    assert NODE.search(comment)[1] == "int_orders"
