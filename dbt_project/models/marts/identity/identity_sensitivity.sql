-- Three rows: what customers, repurchase and value would be under strict, the configured and loose rules of identity.
with members as (
    select
        'default' as ruleset,
        source_id,
        customer_key::text as group_id
    from {{ ref('int_customer_identities') }}
    union all
    select
        ruleset,
        source_id,
        group_id
    from {{ ref('int_identity_rulesets') }}
),

people as (
    select
        ruleset,
        count(*)::int as identities,
        count(distinct group_id)::int as customers
    from members
    group by ruleset
),

identity_days as (
    select
        identities.source_id,
        orders.ordered_on,
        sum(orders.reporting_net_amount) as net_amount
    from {{ ref('int_orders') }} as orders
    inner join {{ ref('int_orders_dated') }} as placed on orders.order_key = placed.order_key
    inner join {{ ref('int_identities') }} as identities
        on placed.source = identities.source and placed.identity_reference = identities.identity_reference
    where orders.is_valid
    group by identities.source_id, orders.ordered_on
),

occasions as (
    select
        members.ruleset,
        members.group_id,
        identity_days.ordered_on,
        sum(identity_days.net_amount) as net_amount
    from identity_days
    inner join members on identity_days.source_id = members.source_id
    group by members.ruleset, members.group_id, identity_days.ordered_on
),

firsts as (
    select
        ruleset,
        group_id,
        count(*) as occasions,
        min(ordered_on) as first_on,
        sum(net_amount) as net_amount
    from occasions
    group by ruleset, group_id
),

back_in_time as (
    select
        firsts.ruleset,
        count(distinct firsts.group_id) as customers
    from firsts
    inner join occasions on firsts.ruleset = occasions.ruleset and firsts.group_id = occasions.group_id
    where
        firsts.occasions > 1
        and {{ days_between('firsts.first_on', observed_until_on()) }} > 365
        and {{ days_between('firsts.first_on', 'occasions.ordered_on') }} between 1 and 365
    group by firsts.ruleset
),

counted as (
    select
        ruleset,
        count(*) as buying_customers,
        count(*) filter (where occasions > 1) as repeat_customers,
        count(*) filter (where {{ days_between('first_on', observed_until_on()) }} > 365) as eligible_customers,
        sum(net_amount) as net_amount
    from firsts
    group by ruleset
)

select
    people.ruleset,
    people.identities,
    people.customers,
    coalesce(counted.buying_customers, 0)::int as buying_customers,
    coalesce(counted.repeat_customers, 0)::int as repeat_customers,
    {{ rate('counted.repeat_customers', 'counted.buying_customers') }} as repeat_rate,
    coalesce(counted.eligible_customers, 0)::int as eligible_customers,
    coalesce(back_in_time.customers, 0)::int as repurchased_customers,
    {{ rate('coalesce(back_in_time.customers, 0)', 'counted.eligible_customers') }} as repurchased_rate,
    coalesce(counted.net_amount, 0)::numeric(18, 2) as net_amount,
    (counted.net_amount / nullif(counted.buying_customers, 0))::numeric(18, 2) as net_amount_per_customer,
    '{{ var("reporting_currency") }}' as currency,
    {{ as_of_on() }} as as_of_on
from people
left join counted on people.ruleset = counted.ruleset
left join back_in_time on people.ruleset = back_in_time.ruleset
