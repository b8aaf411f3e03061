-- Who is one person: loyalty cards, what people decide by hand, and the list of customers to win back.
-- In a new warehouse the raw tables are made after this, with the column.
alter table if exists raw.customers add column if not exists loyalty_card text;
alter table if exists raw.orders add column if not exists loyalty_card text;

create table ops.identity_decisions (
    decision_id bigint generated always as identity primary key,
    decision text not null check (decision in ('join', 'split')),
    source_ids text[] not null check (cardinality(source_ids) > 0),
    reason text not null check (btrim(reason) <> ''),
    decided_by text not null,
    decided_at timestamptz not null default clock_timestamp(),
    reverted_at timestamptz,
    reverted_by text,
    reverted_because text check (btrim(reverted_because) <> ''),
    check (decision = 'split' or cardinality(source_ids) > 1),
    check ((reverted_at is null) = (reverted_by is null) and (reverted_at is null) = (reverted_because is null))
);
comment on table ops.identity_decisions is
    'What a person decided about who is one customer, and why. A decision is never changed or deleted, only reverted, once.';
comment on column ops.identity_decisions.source_ids is
    'join: these identities are one customer. split: they are a customer of their own, whatever they share with others.';

create view ops.identities_decided as
select
    decision_id,
    decision,
    unnest(source_ids) as source_id
from ops.identity_decisions
where reverted_at is null;
comment on view ops.identities_decided is 'The decisions in force, a row an identity: what dbt reads.';

create function ops.keep_identity_decision() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or old.reverted_at is not null
        or (old.decision_id, old.decision, old.source_ids, old.reason, old.decided_by, old.decided_at)
            is distinct from (new.decision_id, new.decision, new.source_ids, new.reason, new.decided_by, new.decided_at)
    then
        raise exception 'ops.identity_decisions is a record: a decision can only be reverted, once';
    end if;
    return new;
end
$$;
create trigger keep_identity_decision before update or delete on ops.identity_decisions
    for each row execute function ops.keep_identity_decision();

create schema outreach;
comment on schema outreach is
    'Lists with contact data, for whom they are granted to. The BI role cannot read it. outreach.win_back is what to grant.';

create table outreach.win_back_list (
    customer_key uuid primary key,
    as_of_on date not null,
    region text,
    last_order_on date not null,
    value_at_stake numeric(18, 2) not null,
    currency text not null,
    suggested_reason text not null
);
comment on table outreach.win_back_list is 'Whom to win back, as the last build found it; no contact data. Filled with the marts.';

create table outreach.win_back_accounts (
    customer_key uuid not null,
    source text not null,
    customer_id text not null,
    place int not null,
    has_own_email boolean not null,
    has_own_phone boolean not null,
    primary key (source, customer_id)
);
comment on table outreach.win_back_accounts is
    'The accounts of whoever is on the list, the one to speak to first. Their contact data is read from raw when asked.';
comment on column outreach.win_back_accounts.has_own_email is 'False when the address is one that too many people gave: it is nobody''s.';
