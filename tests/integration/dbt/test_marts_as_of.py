"""A mart as of a past day uses nothing that was known later, and nothing of how the rows came in."""

# They tell of loads and builds, not of the shop.
MARTS_OF_LOADS = {
    "load_health",
    "load_history",
    "quarantine_reasons",
    "reconciliation",
    "validation_results",
    "identity_merges",
}


def tables(built, schema):
    return {row[0] for row in built.ask(f"select tablename from pg_tables where schemaname = '{schema}'")}


def content(built, table):
    return built.ask(f"select to_jsonb(mart) from marts.{table} as mart order by to_jsonb(mart)::text")


def test_every_mart_equals_that_of_a_warehouse_that_had_stopped_loading_that_day(from_everything, from_what_was_known):
    marts = tables(from_everything, "marts") - MARTS_OF_LOADS
    assert len(marts) >= 14
    assert tables(from_what_was_known, "marts") - MARTS_OF_LOADS == marts
    different = {mart for mart in marts if content(from_everything, mart) != content(from_what_was_known, mart)}
    assert different == set()


def test_returns_after_the_day_exist_in_the_source_and_not_in_the_marts(from_everything):
    later = "returned_at >= timestamptz '2025-03-13 00:00 Asia/Tehran'"
    assert from_everything.ask(f"select count(*) > 0 from raw.returns where {later}") == [(True,)]
    assert from_everything.ask(f"select count(*) from marts.fct_returns where {later}") == [(0,)]
