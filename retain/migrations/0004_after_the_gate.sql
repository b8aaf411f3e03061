-- What happens to a row after the gate: kept out, taken up later, decided by a person; and how the days add up.
alter table ops.loads drop constraint loads_kind_check;
alter table ops.loads add constraint loads_kind_check
    check (kind in ('incremental', 'full', 'backfill', 'deletions', 'retry', 'release', 'replay'));
alter table ops.loads add column rows_dropped bigint, add column dropped_at timestamptz;
comment on column ops.loads.rows_dropped is 'Landed rows of this load that the retention policy has deleted.';

alter table ops.quarantine add column key_values text[], add column day date;
comment on column ops.quarantine.key_values is 'The values of the record''s key; null when one is missing or cannot be read.';
comment on column ops.quarantine.day is 'The business day of the record; null when it has none, or none that can be read.';
create index quarantine_versions on ops.quarantine (record_hash) where status <> 'closed';
create index quarantine_rows on ops.quarantine (source, entity, row_number);

create table ops.quarantine_decisions (
    quarantine_id bigint primary key references ops.quarantine,
    decision text not null check (decision in ('released', 'discarded')),
    reason text not null check (btrim(reason) <> ''),
    decided_by text not null,
    decided_at timestamptz not null default clock_timestamp(),
    load_id bigint references ops.loads
);
comment on table ops.quarantine_decisions is 'What a person decided about a row in quarantine, and why. Append-only.';
comment on column ops.quarantine_decisions.load_id is 'The load of kind release that published the row.';

create table ops.held_rows (
    load_id bigint not null references ops.loads,
    row_number bigint not null,
    quarantine_id bigint not null references ops.quarantine,
    primary key (load_id, row_number)
);
create index held_rows_entry on ops.held_rows (quarantine_id);
comment on table ops.held_rows is 'Every row that a published load kept out of raw, and the entry that says why. Replay reads it.';

create table ops.taken_up_rows (
    load_id bigint not null references ops.loads,
    origin_load_id bigint not null,
    row_number bigint not null,
    primary key (load_id, row_number)
);
create index taken_up_rows_origin on ops.taken_up_rows (origin_load_id);
comment on table ops.taken_up_rows is 'The rows of earlier loads that a retry or a release published.';

create table ops.deleted_records (
    load_id bigint not null references ops.loads,
    key_values text[] not null,
    primary key (load_id, key_values)
);
comment on table ops.deleted_records is 'The records that a comparison of keys marked as deleted.';

create table ops.reconciliation (
    source text not null,
    entity text not null,
    day date,
    source_records bigint not null default 0,
    raw_records bigint not null default 0,
    quarantined_records bigint not null default 0,
    discarded_records bigint not null default 0,
    difference bigint generated always as
        (source_records - raw_records - quarantined_records - discarded_records) stored,
    timezone text not null,
    load_id bigint not null references ops.loads,
    reconciled_at timestamptz not null default clock_timestamp(),
    unique nulls not distinct (source, entity, day)
);
comment on table ops.reconciliation is
    'Per source, entity and business day, in records (not rows): what the source has sent and not deleted, and where each record is.';
comment on column ops.reconciliation.day is 'Null for records without a day of their own, or with one that cannot be read.';
comment on column ops.reconciliation.source_records is 'Distinct records that the source sent and has not deleted.';
comment on column ops.reconciliation.raw_records is 'Records that raw holds and that are not deleted.';
comment on column ops.reconciliation.quarantined_records is 'Records not in raw, of which a version waits in quarantine.';
comment on column ops.reconciliation.discarded_records is 'Records not in raw and not waiting: a person discarded what was sent.';
comment on column ops.reconciliation.difference is 'Records that were sent and are nowhere. Always 0; anything else is a fault.';

create table ops.configured_entities (
    source text not null,
    entity text not null,
    primary key (source, entity)
);
comment on table ops.configured_entities is 'What retain.yml listed when something was last published.';
