{{ config(indexes=[{'columns': ['order_key']}, {'columns': ['order_item_key'], 'unique': true}]) }}

-- One row a line. What an order gives or takes back as a whole (a discount of the basket, a return that names no line,
-- the cents of a converted total) is shared out over its lines, so that lines add up to their order exactly.
with line_returns as (
    select
        order_item_key,
        sum(reporting_amount) as returns_amount
    from {{ ref('int_returns') }}
    where order_item_key is not null
    group by order_item_key
),

running as (
    select
        items.order_item_key,
        orders.unshared_gross_amount,
        orders.unshared_discount_amount,
        orders.unshared_returns_amount,
        case
            when orders.gross_amount = 0 then 1
            else sum(items.gross_amount) over up_to_line / orders.gross_amount
        end as share_up_to,
        -- lines that are all free have nothing to share by: the first takes the whole
        case
            when orders.gross_amount = 0 then (row_number() over up_to_line > 1)::int
            else (sum(items.gross_amount) over up_to_line - items.gross_amount) / orders.gross_amount
        end as share_before
    from {{ ref('int_order_items_priced') }} as items
    inner join {{ ref('int_orders') }} as orders on items.order_key = orders.order_key
    where
        orders.unshared_gross_amount <> 0
        or orders.unshared_discount_amount <> 0
        or orders.unshared_returns_amount <> 0
    window up_to_line as (partition by items.order_key order by items.line_id rows unbounded preceding)
),

-- Shares are differences of rounded running totals: they add up to the whole, to the cent.
shares as (
    select
        order_item_key,
        round(unshared_gross_amount * share_up_to, 2) - round(unshared_gross_amount * share_before, 2) as gross_amount,
        round(unshared_discount_amount * share_up_to, 2) - round(unshared_discount_amount * share_before, 2)
            as discount_amount,
        round(unshared_returns_amount * share_up_to, 2) - round(unshared_returns_amount * share_before, 2)
            as returns_amount
    from running
),

amounts as (
    select
        items.*,
        orders.customer_key,
        orders.ordered_on,
        orders.is_valid as is_order_valid,
        items.reporting_gross_amount + coalesce(shares.gross_amount, 0) as shared_gross_amount,
        items.reporting_discount_amount + coalesce(shares.discount_amount, 0) as shared_discount_amount,
        coalesce(line_returns.returns_amount, 0) + coalesce(shares.returns_amount, 0) as shared_returns_amount
    from {{ ref('int_order_items_priced') }} as items
    inner join {{ ref('int_orders') }} as orders on items.order_key = orders.order_key
    left join line_returns on items.order_item_key = line_returns.order_item_key
    left join shares on items.order_item_key = shares.order_item_key
    {{ named_often() }}
),

netted as (
    select
        *,
        shared_gross_amount - shared_discount_amount - shared_returns_amount as shared_net_amount
    from amounts
    {{ named_often() }}
)

select
    order_item_key,
    order_key,
    product_key,
    customer_key,
    source,
    order_id,
    line_id,
    product_id,
    ordered_on,
    is_order_valid,
    coalesce(category, 'unknown') as category,
    is_gift_card,
    quantity,
    '{{ var("reporting_currency") }}' as currency,
    shared_gross_amount::numeric(18, 2) as gross_amount,
    shared_discount_amount::numeric(18, 2) as discount_amount,
    shared_returns_amount::numeric(18, 2) as returns_amount,
    shared_net_amount::numeric(18, 2) as net_amount,
    reporting_cost_amount as cost_amount,
    (shared_net_amount - reporting_cost_amount)::numeric(18, 2) as margin_amount,
    currency as original_currency,
    gross_amount as original_gross_amount,
    discount_amount as original_discount_amount
from netted
