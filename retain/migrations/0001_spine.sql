-- The warehouse's own tables. dbt makes staging, intermediate and marts; landing tables are made as sources appear.
create schema landing;
create schema gate;
create schema ops;
create schema raw;
create schema forecast;
create schema staging;
create schema intermediate;
create schema marts;
create schema marts_next;

comment on schema landing is 'Every version of every record, as sent, per load. Append-only.';
comment on schema gate is 'The load that is being judged, mapped to Retain''s fields. Emptied after every load.';
comment on schema ops is 'Loads, validation results, quarantine, cursors.';
comment on schema raw is 'One current row per key: what the sources say now.';
comment on schema forecast is 'The ledger of fitted models and published predictions. Append-only.';
comment on schema marts is 'What analysts read. The only schema that the BI role can see.';
comment on schema marts_next is 'Marts under construction: moved to marts when every test has passed.';

create table ops.loads (
    load_id bigint generated always as identity primary key,
    source text not null,
    entity text not null,
    kind text not null check (kind in ('incremental', 'full', 'backfill', 'deletions', 'retry')),
    status text not null check (status in ('started', 'landed', 'validated', 'published', 'refused', 'failed')),
    window_from timestamptz,
    window_to timestamptz,
    cursor_before jsonb,
    cursor_after jsonb,
    rows_sent bigint,
    rows_accepted bigint,
    rows_quarantined bigint,
    rows_changed bigint,
    control_totals jsonb,
    columns jsonb,
    started_at timestamptz not null default clock_timestamp(),
    landed_at timestamptz,
    validated_at timestamptz,
    published_at timestamptz,
    code_version text not null,
    message text
);
create index loads_source_entity on ops.loads (source, entity, load_id desc);

create table ops.cursors (
    source text not null,
    entity text not null,
    state jsonb not null,
    load_id bigint not null references ops.loads,
    moved_at timestamptz not null default clock_timestamp(),
    primary key (source, entity)
);
comment on table ops.cursors is 'How far each entity of each source has been published. Moves only in the transaction that publishes.';

create table ops.validation_results (
    load_id bigint not null references ops.loads,
    expectation text not null,
    judges text not null check (judges in ('row', 'load')),
    severity text not null check (severity in ('critical', 'warning', 'info')),
    success boolean not null,
    rows_failed bigint,
    message text not null,
    observed jsonb,
    validated_at timestamptz not null default clock_timestamp(),
    primary key (load_id, expectation)
);

create table ops.quarantine (
    quarantine_id bigint generated always as identity primary key,
    source text not null,
    entity text not null,
    load_id bigint not null references ops.loads,
    origin_load_id bigint not null,
    row_number bigint not null,
    record_key text,
    record_hash text not null,
    reasons text[] not null,
    rules text[] not null,
    waits_for_reference boolean not null default false,
    status text not null default 'open' check (status in ('open', 'closed', 'released', 'discarded')),
    opened_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    closed_by_load_id bigint,
    closing_note text,
    unique (load_id, row_number)
);
create index quarantine_open on ops.quarantine (source, entity, record_key) where status = 'open';
comment on column ops.quarantine.origin_load_id is 'The load whose landing rows hold the record, with row_number.';

create table ops.calendar_days (
    day date primary key,
    week_start date not null,
    month_start date not null,
    quarter_start date not null,
    next_week_start date not null,
    next_month_start date not null,
    next_quarter_start date not null,
    week_index int not null,
    month_index int not null,
    quarter_index int not null,
    month_label text not null
);

create table ops.settings (name text primary key, value text not null);
comment on table ops.settings is 'What the warehouse was last built with: the calendar, the reporting currency.';

create table raw.phone_numbers (phone text primary key, e164 text);

create table forecast.models (
    model text not null,
    version text not null,
    as_of_on date not null,
    purpose text not null check (purpose in ('current', 'backcast')),
    fitted_at timestamptz not null default clock_timestamp(),
    customers int not null,
    training_from date,
    training_until date,
    parameters jsonb not null,
    standard_errors jsonb,
    log_likelihood double precision,
    is_identified boolean not null,
    notes text,
    grades jsonb,
    primary key (model, version, as_of_on)
);

create table forecast.predictions (
    customer_key uuid not null,
    as_of_on date not null,
    horizon_days int not null,
    model text not null,
    version text not null,
    p_alive double precision,
    expected_occasions double precision,
    expected_spend numeric(18, 4),
    predicted_value numeric(18, 2),
    predicted_value_low numeric(18, 2),
    predicted_value_high numeric(18, 2),
    discounted_value numeric(18, 2),
    p_no_order double precision,
    is_predictable boolean not null,
    not_predictable_reason text,
    created_at timestamptz not null default clock_timestamp(),
    primary key (as_of_on, version, model, horizon_days, customer_key)
);
