select
    'order' as what,
    order_key as key
from {{ ref('fct_orders') }}
where ordered_on > {{ as_of_on() }}
union all
select
    'return' as what,
    return_key as key
from {{ ref('fct_returns') }}
where returned_on > {{ as_of_on() }}
union all
select
    'customer' as what,
    customers.customer_key as key
from {{ ref('dim_customers') }} as customers
inner join {{ ref('int_customers') }} as known on customers.customer_key = known.customer_key
where known.known_since_on > {{ as_of_on() }} or customers.registered_on > {{ as_of_on() }}
