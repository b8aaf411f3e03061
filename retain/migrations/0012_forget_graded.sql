-- The forecaster may add to the ledger and change nothing in it. What a shop keeps for a while only goes by this function, which
-- does not touch a prediction before it was graded over its longest horizon.
create function forecast.forget(before date, longest_horizon int) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
    with graded as (
        select distinct as_of_on, version
        from forecast.grades
        where purpose = 'current' and as_of_on < before and horizon_days = longest_horizon and band = 0
    )
    delete from forecast.reasons as kept using graded
    where kept.as_of_on = graded.as_of_on and kept.version = graded.version;

    with graded as (
        select distinct as_of_on, version
        from forecast.grades
        where purpose = 'current' and as_of_on < before and horizon_days = longest_horizon and band = 0
    )
    delete from forecast.predictions as kept using graded
    where kept.as_of_on = graded.as_of_on and kept.version = graded.version;

    delete from forecast.outcomes as kept
    where kept.as_of_on < before
        and not exists (select from forecast.predictions as said where said.as_of_on = kept.as_of_on);
$$;
comment on function forecast.forget is 'Delete predictions of days before `before` that have been graded over the longest horizon, with their reasons and outcomes; grades stay.';
