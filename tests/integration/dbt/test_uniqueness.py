"""A test of uniqueness counts nothing that an index keeps unique, and everything else."""

import pytest

from retain.errors import Refused
from retain.transform import arguments, run_dbt
from retain.warehouse import connect

TWO_OF_ONE_KEY = "insert into {0} (order_key) values (gen_random_uuid()); insert into {0} select * from {0}"
TWO_WITHOUT_A_KEY = "insert into {0} (orders) values (1); insert into {0} select * from {0}"


@pytest.fixture
def tested(empty):
    """Build models without a row, do something to the warehouse, and run the tests of one model."""

    def run(model, statement):
        run_dbt(empty.settings, [*arguments(empty.settings, "run"), "--select", f"+{model}"])
        with connect(empty.settings) as connection:
            connection.execute(statement.encode())
        chosen = ["--select", model, "--exclude", "test_type:unit"]
        return run_dbt(empty.settings, [*arguments(empty.settings, "test"), *chosen])

    return run


def drop_index_of(table):
    return f"""
    do $$
    declare name text;
    begin
        for name in select indexrelid::regclass from pg_index where indrelid = '{table}'::regclass loop
            execute 'drop index ' || name;
        end loop;
    end $$;
    """


def test_a_key_that_no_index_keeps_unique_is_counted(tested):
    table = "intermediate.int_orders_dated"
    with pytest.raises(Refused, match="unique_int_orders_dated_order_key"):
        tested("int_orders_dated", drop_index_of(table) + TWO_OF_ONE_KEY.format(table))


def test_nulls_that_an_index_lets_pass_are_counted(tested):
    table = "intermediate.int_purchase_occasions"
    with pytest.raises(Refused, match="int_purchase_occasions__has_no_duplicates"):
        tested("int_purchase_occasions", TWO_WITHOUT_A_KEY.format(table))
