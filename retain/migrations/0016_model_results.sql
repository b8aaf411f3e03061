-- Airflow builds the models in one dbt run. What became of each is kept here, where the task of that model looks for it.
create table ops.model_builds (
    dag_run text primary key,
    builder text not null,
    began_at timestamptz not null default now()
);
comment on table ops.model_builds is 'The run of transform_marts that marts_next belongs to, and its task that runs dbt, or ran it last.';

create table ops.model_results (
    dag_run text not null,
    node text not null,
    status text not null check (status in ('built', 'failed', 'skipped')),
    message text not null default '',
    began_at timestamptz,
    ended_at timestamptz not null default now(),
    told_at timestamptz,
    primary key (dag_run, node)
);
comment on table ops.model_results is 'What became of each model, and of each test that looks at several, in the run of transform_marts that marts_next belongs to.';
comment on column ops.model_results.told_at is 'When the task of the model ended by it. Where that task waits again, a person has cleared it: the model is to be built anew.';
