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
union all
select
    'ticket' as what,
    ticket_key as key
from {{ ref('fct_tickets') }}
where {{ local_day('greatest(opened_at, first_replied_at, solved_at)') }} > {{ as_of_on() }}
union all
select
    'answer' as what,
    feedback_key as key
from {{ ref('fct_feedback') }}
where answered_on > {{ as_of_on() }}
union all
select
    'loyalty entry' as what,
    loyalty_entry_key as key
from {{ ref('fct_loyalty_entries') }}
where entered_on > {{ as_of_on() }}
union all
select
    'payment' as what,
    payment_key as key
from {{ ref('fct_payments') }}
where happened_on > {{ as_of_on() }}
union all
select
    'message' as what,
    send_key as key
from {{ ref('fct_sends') }}
where {{ local_day('greatest(sent_at, delivered_at, opened_at, clicked_at)') }} > {{ as_of_on() }}
union all
select
    'visit' as what,
    visit_key as key
from {{ ref('fct_visits') }}
where {{ local_day('ended_at') }} > {{ as_of_on() }}
union all
select
    'traffic' as what,
    traffic_key as key
from {{ ref('fct_traffic') }}
where day_on > {{ as_of_on() }}
