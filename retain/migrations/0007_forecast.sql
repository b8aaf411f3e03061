-- Forecasts that are graded: who speaks of silence, why, what came of it, and whether a new fit took the old one's place.
alter table forecast.models add column held_out_log_likelihood double precision;
comment on column forecast.models.held_out_log_likelihood is
    'Of the last weeks of the history, by a fit of the same kind that had not seen them.';

alter table forecast.predictions
    add column training_from date, add column training_until date, add column risk_model text,
    add column p_no_order_by_purchases double precision;
comment on column forecast.predictions.risk_model is 'What p_no_order comes from; model is what everything else comes from.';
comment on column forecast.predictions.p_no_order_by_purchases is 'What the purchasing model alone says of no order.';

create table forecast.reasons (
    as_of_on date not null,
    version text not null,
    customer_key uuid not null,
    driver_1 text not null,
    driver_2 text not null,
    driver_3 text not null,
    primary key (as_of_on, version, customer_key)
);
comment on table forecast.reasons is
    'The three groups of facts that moved the risk of a customer most, of customers at risk of no order in 90 days. Append-only.';

create table forecast.promotions (
    promotion_id bigint generated always as identity primary key,
    role text not null,
    as_of_on date not null,
    version text not null,
    is_promoted boolean not null,
    reason text not null,
    in_use_version text,
    judged_from date,
    judged_until date not null,
    customers int not null,
    gain double precision,
    standard_error double precision,
    model text not null,
    parameters jsonb not null,
    artifact bytea,
    decided_at timestamptz not null default clock_timestamp()
);
create index promotions_role on forecast.promotions (role, as_of_on desc, promotion_id desc);
comment on table forecast.promotions is
    'Whether a new fit took the place of the one in use, judged on the same windows. The last promoted row of a role is in use. Append-only.';
comment on column forecast.promotions.role is 'purchases, or no_order_30, no_order_90, no_order_180.';
comment on column forecast.promotions.gain is 'Mean log-likelihood a customer of the new one less that of the one in use.';
comment on column forecast.promotions.artifact is 'The trained arrays of a supervised model, as numpy writes them.';

create table forecast.outcomes (
    as_of_on date not null,
    horizon_days int not null,
    customer_key uuid not null,
    occasions int not null,
    net_amount numeric(18, 2) not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (as_of_on, horizon_days, customer_key)
);
comment on table forecast.outcomes is 'What each predicted customer did in a horizon, written when it had closed. Append-only.';

create table forecast.grades (
    as_of_on date not null,
    horizon_days int not null,
    version text not null,
    purpose text not null check (purpose in ('current', 'backcast')),
    target text not null check (target in ('no_order', 'value')),
    model text not null,
    is_published boolean not null,
    band int not null,
    customers int not null,
    expected double precision not null,
    observed double precision not null,
    calibration_error double precision,
    brier_score double precision,
    log_loss double precision,
    auc double precision,
    total_bias double precision,
    rank_correlation double precision,
    interval_coverage double precision,
    graded_at timestamptz not null default clock_timestamp(),
    primary key (as_of_on, version, horizon_days, target, model, band)
);
comment on table forecast.grades is
    'What was said beside what it was, a row a version, horizon, model and band; band 0 is everybody. Append-only.';

create table forecast.drift (
    as_of_on date not null,
    version text not null,
    kind text not null check (kind in ('input', 'score')),
    name text not null,
    reference_on date not null,
    stability_index double precision not null,
    level text not null check (level in ('stable', 'moderate', 'strong')),
    mean_before double precision,
    mean_now double precision,
    primary key (as_of_on, version, kind, name)
);
comment on table forecast.drift is
    'How far what the models read and say has moved since a past day: the population stability index. Append-only.';
