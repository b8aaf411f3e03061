-- One row a customer and stretch of days in which their loyalty tier stayed the same, as far as was known on the as-of
-- day. Of several accounts the one whose tier is newest speaks.
with versions as (
    select
        identities.customer_key,
        identities.source_id,
        tiers.tier,
        tiers.held_from,
        {{ local_day('tiers.held_from') }} as from_on,
        row_number() over (
            partition by identities.source_id, {{ local_day('tiers.held_from') }}
            order by tiers.held_from desc
        ) as preference
    from {{ ref('stg_mapped__customer_tiers') }} as tiers
    inner join {{ ref('int_customer_identities') }} as identities
        on tiers.source = identities.source and tiers.customer_id = identities.customer_id
    where {{ local_day('tiers.held_from') }} <= {{ as_of_on() }}
),

followed as (
    select
        *,
        row_number() over account as place,
        lag(tier) over account as tier_before
    from versions
    where preference = 1
    window account as (partition by source_id order by from_on)
),

-- a version that says the tier of before, such as one with another address, makes it no newer
account_tiers as (
    select
        customer_key,
        source_id,
        tier,
        held_from,
        from_on,
        lead(from_on) over (partition by source_id order by from_on) as until_on
    from followed
    where place = 1 or tier is distinct from tier_before
),

change_days as (
    select distinct
        customer_key,
        from_on
    from account_tiers
),

standings as (
    select
        change_days.customer_key,
        change_days.from_on,
        account_tiers.tier,
        row_number() over (
            partition by change_days.customer_key, change_days.from_on
            order by account_tiers.held_from desc, {{ byte_order('account_tiers.source_id') }}
        ) as preference
    from change_days
    left join account_tiers
        on change_days.customer_key = account_tiers.customer_key
        and change_days.from_on >= account_tiers.from_on
        and coalesce(change_days.from_on < account_tiers.until_on, true)
        and account_tiers.tier is not null
)

select
    customer_key,
    tier,
    from_on,
    lead(from_on) over (partition by customer_key order by from_on) as until_on
from standings
where preference = 1
