with histories as (
    select
        count(*) as customers,
        count(*) filter (where occasions > 1) as repeat_customers,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('int_customer_histories') }}
)

select sensitivity.*
from {{ ref('identity_sensitivity') }} as sensitivity
cross join histories
where
    sensitivity.ruleset = 'default'
    and (sensitivity.buying_customers, sensitivity.repeat_customers, sensitivity.net_amount)
    is distinct from (histories.customers, histories.repeat_customers, histories.net_amount)
