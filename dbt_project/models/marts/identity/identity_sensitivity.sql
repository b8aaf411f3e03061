{{ config(sql_header=groups_by_sorting()) }}

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

purchases as (
    select
        identities.source_id,
        orders.ordered_on,
        orders.reporting_net_amount as net_amount,
        min(orders.ordered_on) over (partition by identities.source_id) as first_on
    from {{ ref('int_orders') }} as orders
    inner join {{ ref('int_orders_dated') }} as placed on orders.order_key = placed.order_key
    inner join {{ ref('int_identities') }} as identities
        on placed.source = identities.source and placed.identity_reference = identities.identity_reference
    where orders.is_valid
),

-- Of an identity's days the first two are enough: the second day of a group is the earliest of them that is later than
-- the group's first.
identity_days as (
    select
        source_id,
        min(first_on) as first_on,
        min(ordered_on) filter (where ordered_on > first_on) as second_on,
        sum(net_amount) as net_amount
    from purchases
    group by source_id
),

member_days as (
    select
        members.ruleset,
        members.group_id,
        identity_days.first_on,
        identity_days.second_on,
        identity_days.net_amount,
        min(identity_days.first_on) over (partition by members.ruleset, members.group_id) as group_first_on
    from members
    left join identity_days on members.source_id = identity_days.source_id
),

people as (
    select
        ruleset,
        count(*) as identities,
        min(group_first_on) as first_on,
        min(case when first_on > group_first_on then first_on else second_on end) as second_on,
        sum(net_amount) as net_amount
    from member_days
    group by ruleset, group_id
),

counted as (
    select
        ruleset,
        sum(identities) as identities,
        count(*) as customers,
        count(first_on) as buying_customers,
        count(second_on) as repeat_customers,
        count(*) filter (where {{ days_between('first_on', observed_until_on()) }} > 365) as eligible_customers,
        count(*) filter (
            where {{ days_between('first_on', observed_until_on()) }} > 365
            and {{ days_between('first_on', 'second_on') }} <= 365
        ) as repurchased_customers,
        sum(net_amount) as net_amount
    from people
    group by ruleset
)

select
    ruleset,
    identities::int as identities,
    customers::int as customers,
    buying_customers::int as buying_customers,
    repeat_customers::int as repeat_customers,
    {{ rate('repeat_customers', 'buying_customers') }} as repeat_rate,
    eligible_customers::int as eligible_customers,
    repurchased_customers::int as repurchased_customers,
    {{ rate('repurchased_customers', 'eligible_customers') }} as repurchased_rate,
    coalesce(net_amount, 0)::numeric(18, 2) as net_amount,
    (net_amount / nullif(buying_customers, 0))::numeric(18, 2) as net_amount_per_customer,
    '{{ var("reporting_currency") }}' as currency,
    {{ as_of_on() }} as as_of_on
from counted
