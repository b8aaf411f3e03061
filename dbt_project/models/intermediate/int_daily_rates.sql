-- One row a currency and day: the latest rate on or before that day. Days before a currency's first rate are no row.
with rates as (
    select
        currency,
        rate_on,
        rate,
        -- two sources may give the rate of one day: the first by name counts, whatever was loaded first
        row_number() over (partition by currency, rate_on order by {{ byte_order('source') }}) as preference
    from {{ ref('stg_mapped__exchange_rates') }}
),

currencies as (
    select
        currency,
        min(rate_on) as first_rate_on
    from rates
    group by currency
),

days as (
    select
        currencies.currency,
        days.day,
        max(rates.rate_on) over (partition by currencies.currency order by days.day) as rate_on
    from currencies
    inner join {{ ref('util_days') }} as days
        on currencies.first_rate_on <= days.day and days.day <= {{ as_of_on() }}
    left join rates
        on currencies.currency = rates.currency and days.day = rates.rate_on and rates.preference = 1
)

select
    days.currency,
    days.day,
    days.rate_on,
    rates.rate
from days
inner join rates
    on days.currency = rates.currency and days.rate_on = rates.rate_on and rates.preference = 1
