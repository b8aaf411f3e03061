-- What raw.customers cannot say, because it keeps the newest version only: which tier an account had when.
create table raw.customer_tiers (
    source text not null,
    customer_id text not null,
    held_from timestamptz not null,
    tier text,
    _load_id bigint not null,
    primary key (source, customer_id, held_from)
);
comment on table raw.customer_tiers is
    'Every accepted version of an account, by the time of its change: the tier that it said. Kept from this release on; `retain replay` fills it from landing.';
