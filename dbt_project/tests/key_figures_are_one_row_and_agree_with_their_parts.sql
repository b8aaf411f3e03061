{{ config(tags=['forecast']) }}

-- Compares with what the figures were added up from, by another way than the mart's own.
with figures as (
    select
        count(*) as figure_rows,
        max(customers) as customers,
        max(repeat_customers) as repeat_customers,
        max(active_customers) as active_customers,
        max(lapsed_customers) as lapsed_customers,
        max(net_amount - unattributed_net_amount) as attributed_net_amount,
        max(value_at_risk) as value_at_risk,
        max(predicted_value_365) as predicted_value_365
    from {{ ref('key_figures') }}
),

customers as (
    select
        count(*) as customers,
        count(*) filter (where occasions >= 2) as repeat_customers,
        coalesce(sum(observed_net_amount), 0) as attributed_net_amount,
        sum(predicted_value_365) as predicted_value_365
    from {{ ref('customer_value') }}
),

risks as (
    select
        count(*) filter (where is_lapsed) as lapsed_customers,
        sum(value_at_risk) as value_at_risk
    from {{ ref('churn_risk') }}
),

active as (
    select count(distinct customer_key) as active_customers
    from {{ ref('int_purchase_occasions') }}
    where occasion_on > {{ add_days(as_of_on(), '-' ~ var('active_days')) }}
)

select
    figures.*,
    customers.*,
    risks.*,
    active.*
from figures
cross join customers
cross join risks
cross join active
where
    figures.figure_rows <> 1
    or figures.customers <> customers.customers
    or figures.repeat_customers <> customers.repeat_customers
    or figures.active_customers <> active.active_customers
    or figures.lapsed_customers <> risks.lapsed_customers
    or figures.attributed_net_amount <> customers.attributed_net_amount
    or figures.value_at_risk is distinct from risks.value_at_risk
    or figures.predicted_value_365 is distinct from customers.predicted_value_365
