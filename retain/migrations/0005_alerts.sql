-- Problems that a person should know of, and every attempt to say so.
create table ops.alerts (
    alert_id bigint generated always as identity primary key,
    thread uuid not null default gen_random_uuid(),
    kind text not null,
    source text not null default '',
    entity text not null default '',
    subject text not null default '',
    parts text[] not null,
    severity int not null,
    title text not null,
    reasons text[] not null,
    rules text[] not null,
    rows bigint,
    rows_of bigint,
    counted text not null,
    keys text[] not null,
    holds_back text not null,
    what_to_do text not null,
    runbook text not null,
    load_id bigint,
    since timestamptz not null,
    opened_at timestamptz not null,
    last_seen_at timestamptz not null,
    resolved_at timestamptz
);
create unique index alerts_one_open on ops.alerts (kind, source, entity, subject) where resolved_at is null;
comment on table ops.alerts is 'One row per problem, from its first sight to its end. A problem that comes back is a new row.';
comment on column ops.alerts.parts is 'Where the problem still stands, e.g. the entities of a source that cannot be read. Empty: over.';
comment on column ops.alerts.keys is 'Up to five record keys; what looks like an e-mail address or a phone number is masked.';
comment on column ops.alerts.rules is 'Stable names of what is wrong: one that was not told before makes the problem worse.';

create table ops.alert_deliveries (
    delivery_id bigint generated always as identity primary key,
    alert_id bigint references ops.alerts,
    channel text not null,
    event text not null check (event in ('opened', 'worse', 'still', 'over', 'test')),
    status text not null check (status in ('sending', 'ok', 'failed')),
    severity int,
    rows bigint,
    rules text[] not null default '{}',
    tried_at timestamptz not null,
    ended_at timestamptz,
    error text
);
create index alert_deliveries_alert on ops.alert_deliveries (alert_id, channel, delivery_id desc);
create unique index alert_deliveries_one_at_a_time on ops.alert_deliveries (alert_id, channel) where status = 'sending';
comment on table ops.alert_deliveries is 'Every attempt to tell a channel. `sending` is claimed by a process; no second one sends the same.';
comment on column ops.alert_deliveries.error is 'A sentence; never an address, a password or what a server echoed.';
comment on column ops.alert_deliveries.rows is 'How large the problem was when it was told.';
