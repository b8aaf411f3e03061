{{ config(indexes=[{'columns': ['order_key']}]) }}

-- Lines of the orders known on the as-of day, in the order's currency and in the reporting currency at the day's rate.
-- They lie in the order of order_key: who reads them by order neither sorts nor hashes.
with lines as (
    select
        orders.order_key,
        orders.currency,
        orders.exchange_rate,
        orders.ordered_on,
        items.source,
        items.order_id,
        items.line_id,
        items.product_id,
        items.quantity,
        items.gross_amount,
        items.discount_amount,
        items.cost_amount
    from {{ ref('stg_mapped__order_items') }} as items
    inner join {{ ref('int_orders_dated') }} as orders
        on items.source = orders.source and items.order_id = orders.order_id
    where orders.ordered_on <= {{ as_of_on() }}
),

-- their keys are made once a product, not once a line
products as {{ worked_out_once() }} (
    select
        source,
        product_id,
        {{ entity_key('source_id') }} as product_key,
        category,
        is_gift_card,
        currency,
        unit_cost
    from {{ ref('stg_mapped__products') }}
)

select
    {{ entity_key("lines.source || ':' || lines.order_id || ':' || lines.line_id") }} as order_item_key,
    lines.order_key,
    lines.source,
    lines.order_id,
    lines.line_id,
    lines.product_id,
    products.product_key,
    products.category,
    coalesce(products.is_gift_card, false) as is_gift_card,
    lines.quantity,
    lines.currency,
    lines.gross_amount,
    lines.discount_amount,
    round(lines.gross_amount * lines.exchange_rate, 2)::numeric(18, 2) as reporting_gross_amount,
    round(lines.discount_amount * lines.exchange_rate, 2)::numeric(18, 2) as reporting_discount_amount,
    -- the line's own cost where the source gives it, else what the product costs a unit, in the product's currency
    round(
        case
            when lines.cost_amount is not null then lines.cost_amount * lines.exchange_rate
            when products.currency is null or products.currency = lines.currency
                then lines.quantity * products.unit_cost * lines.exchange_rate
            when products.currency = '{{ var("reporting_currency") }}' then lines.quantity * products.unit_cost
            else lines.quantity * products.unit_cost * product_rates.rate
        end, 2
    )::numeric(18, 2) as reporting_cost_amount
from lines
left join products
    on lines.source = products.source and lines.product_id = products.product_id
left join {{ ref('int_daily_rates') }} as product_rates
    on products.currency = product_rates.currency and lines.ordered_on = product_rates.day
order by lines.order_key, lines.line_id
