-- Who was erased, without who it was: what proves it, and what recognises them when a source sends them again.
create table ops.erasures (
    erasure_id bigint generated always as identity primary key,
    erased_at timestamptz not null default clock_timestamp(),
    erased_by text not null,
    reason text not null check (btrim(reason) <> ''),
    accounts int not null,
    identifiers jsonb not null,
    rows_touched jsonb not null,
    marts_before text,
    marts_after text,
    key_check bytea not null
);
comment on table ops.erasures is 'One row an erasure: when, by whom, why, what was touched. Nothing of the person. Append-only.';
comment on column ops.erasures.identifiers is 'How many of each kind were removed, and how many stay because too many people gave them.';
comment on column ops.erasures.rows_touched is 'Table to the number of its rows in which something was removed.';
comment on column ops.erasures.marts_before is 'Checksum of every mart without its keys, before the erasure; marts_after is the same after it.';
comment on column ops.erasures.key_check is 'What the key of the digests makes of a constant: another key would recognise nobody.';

create table ops.erased_identifiers (
    kind text not null check (kind in ('customer_id', 'email', 'phone', 'loyalty_card', 'order_id')),
    digest bytea not null,
    pseudonym text,
    recognises boolean not null,
    erased_at timestamptz not null,
    erasure_id bigint not null references ops.erasures,
    primary key (kind, digest)
);
comment on table ops.erased_identifiers is
    'HMAC-SHA256 of what erased people were known by, under a key that is not in the warehouse, and what stands in its place.';
comment on column ops.erased_identifiers.pseudonym is 'Random. Null: too many people gave it, so that it is nobody''s and stays.';
comment on column ops.erased_identifiers.recognises is 'False where other customers gave it too: it is replaced in the rows of the person only.';

create table ops.erased_orders (
    source text not null,
    order_id text not null,
    primary key (source, order_id)
);
comment on table ops.erased_orders is 'The orders of people erased: their lines and returns are known by them when they are sent again.';

create table ops.erased_identities (
    source_id text primary key,
    customer_key uuid not null
);
comment on table ops.erased_identities is 'The identities of people erased, by their pseudonyms, and the random key of each of those customers. dbt reads it.';

alter table ops.loads add column rows_of_erased bigint;
comment on column ops.loads.rows_of_erased is 'Rows of people who were erased, which the source sends all the same: landed without what identifies them.';

create function ops.keep_erasure() returns trigger language plpgsql as $$
begin
    raise exception 'ops.erasures is a record: nothing in it is changed or deleted';
end
$$;
create trigger keep_erasure before update or delete on ops.erasures
    for each row execute function ops.keep_erasure();
