{{ config(indexes=[{'columns': ['order_key'], 'unique': true}]) }}

-- One row an order known on the as-of day, with its customer, its money, and every reason for which it may not count.
with orders as (
    select *
    from {{ ref('int_orders_dated') }}
    where ordered_on <= {{ as_of_on() }}
),

order_categories as (
    select
        order_key,
        coalesce(category, 'unknown') as category,
        count(*) as lines,
        sum(quantity) as quantity,
        sum(gross_amount) as gross_amount,
        sum(reporting_gross_amount) as reporting_gross_amount,
        sum(reporting_discount_amount) as reporting_discount_amount,
        sum(reporting_cost_amount) as reporting_cost_amount,
        count(*) = count(reporting_cost_amount) as is_cost_known,
        bool_and(is_gift_card) as is_gift_card_only
    from {{ ref('int_order_items_priced') }}
    group by order_key, coalesce(category, 'unknown')
),

order_lines as (
    select
        order_key,
        sum(lines) as lines,
        sum(quantity) as quantity,
        sum(gross_amount) as gross_amount,
        sum(reporting_gross_amount) as reporting_gross_amount,
        sum(reporting_discount_amount) as reporting_discount_amount,
        sum(reporting_cost_amount) as reporting_cost_amount,
        bool_and(is_cost_known) as is_cost_known,
        bool_and(is_gift_card_only) as is_gift_card_only,
        -- the category with most money on the order; of several, the first by name
        {{ first_of('category', 'gross_amount desc, ' ~ byte_order('category') ~ ' asc') }} as main_category
    from order_categories
    group by order_key
),

order_returns as (
    select
        order_key,
        sum(amount) as amount,
        sum(reporting_amount) as reporting_amount,
        sum(reporting_amount) filter (where order_item_key is null) as reporting_amount_of_no_line
    from {{ ref('int_returns') }}
    where order_key is not null
    group by order_key
),

held_lines as (
    select distinct
        source,
        first_key as order_id
    from {{ ref('int_held_records') }}
    where entity = 'order_items'
),

later_returns as (
    select distinct
        source,
        order_id
    from {{ ref('stg_mapped__returns') }}
    where {{ local_day('returned_at') }} > {{ as_of_on() }}
),

joined as (
    select
        orders.*,
        -- a refund that the source already tells of, but that happened after the as-of day, is not known yet
        case
            when later_returns.order_id is null or orders.status not in ('partially_refunded', 'refunded')
                then orders.status
            when order_returns.amount > 0 then 'partially_refunded'
            else 'paid'
        end as known_status,
        identities.customer_key,
        identities.is_guest,
        coalesce(order_lines.lines, 0) as lines,
        order_lines.quantity,
        coalesce(order_lines.gross_amount = orders.gross_amount, false) as has_matching_lines,
        order_lines.reporting_gross_amount as lines_gross_amount,
        order_lines.reporting_discount_amount as lines_discount_amount,
        coalesce(order_returns.reporting_amount_of_no_line, 0) as returns_amount_of_no_line,
        held_lines.order_id is not null as has_held_lines,
        case
            when order_lines.is_cost_known and held_lines.order_id is null then order_lines.reporting_cost_amount
        end as reporting_cost_amount,
        coalesce(order_lines.main_category, 'unknown') as main_category,
        coalesce(order_returns.amount, 0) as returns_amount,
        orders.gross_amount - orders.discount_amount as charged_amount,
        round(orders.gross_amount * orders.exchange_rate, 2) as reporting_gross_amount,
        round(orders.discount_amount * orders.exchange_rate, 2) as reporting_discount_amount,
        case when orders.exchange_rate is not null then coalesce(order_returns.reporting_amount, 0) end
            as reporting_returns_amount,

        orders.status = 'cancelled' as is_cancelled,
        orders.status = 'voided' as is_voided,
        orders.status = 'fraud' as is_fraud,
        orders.status = 'pending' as is_unpaid,
        orders.status not in (
            'pending', 'paid', 'partially_refunded', 'refunded', 'cancelled', 'voided', 'fraud'
        ) as is_of_unknown_status,
        coalesce(order_lines.is_gift_card_only, false) as is_gift_card_only,
        orders.exchange_rate is null as is_without_rate
    from orders
    left join {{ ref('int_customer_identities') }} as identities
        on orders.source = identities.source and orders.identity_reference = identities.identity_reference
    left join order_lines on orders.order_key = order_lines.order_key
    left join held_lines on orders.source = held_lines.source and orders.order_id = held_lines.order_id
    left join order_returns on orders.order_key = order_returns.order_key
    left join later_returns on orders.source = later_returns.source and orders.order_id = later_returns.order_id
),

judged as (
    select
        *,
        charged_amount {% if var('count_free_orders') %}<{% else %}<={% endif %} 0 as is_not_positive,
        charged_amount > 0 and (known_status = 'refunded' or returns_amount >= charged_amount) as is_fully_refunded
    from joined
)

select
    order_key,
    source,
    order_id,
    customer_key,
    coalesce(is_guest, false) as is_guest,

    ordered_at,
    ordered_on,
    known_status as status,
    channel,
    store,
    region,
    main_category,
    lines::int as lines,
    quantity::numeric(18, 4) as quantity,
    has_matching_lines,
    has_held_lines,

    currency,
    exchange_rate,
    gross_amount,
    discount_amount,
    returns_amount::numeric(18, 4) as returns_amount,
    (charged_amount - returns_amount)::numeric(18, 4) as net_amount,
    tax_amount,
    shipping_amount,

    reporting_gross_amount::numeric(18, 2) as reporting_gross_amount,
    reporting_discount_amount::numeric(18, 2) as reporting_discount_amount,
    reporting_returns_amount::numeric(18, 2) as reporting_returns_amount,
    (reporting_gross_amount - reporting_discount_amount - reporting_returns_amount)::numeric(18, 2)
        as reporting_net_amount,
    reporting_cost_amount::numeric(18, 2) as reporting_cost_amount,
    (reporting_gross_amount - reporting_discount_amount - reporting_returns_amount - reporting_cost_amount)
    ::numeric(18, 2) as reporting_margin_amount,
    round(tax_amount * exchange_rate, 2)::numeric(18, 2) as reporting_tax_amount,
    round(shipping_amount * exchange_rate, 2)::numeric(18, 2) as reporting_shipping_amount,

    -- what the order has and its lines do not say; where their gross is not the order's, the source contradicts itself
    case when has_matching_lines then reporting_gross_amount - lines_gross_amount else 0 end::numeric(18, 2)
        as unshared_gross_amount,
    case when has_matching_lines then reporting_discount_amount - lines_discount_amount else 0 end::numeric(18, 2)
        as unshared_discount_amount,
    case when has_matching_lines then returns_amount_of_no_line else 0 end::numeric(18, 2)
        as unshared_returns_amount,

    is_cancelled,
    is_voided,
    is_fraud,
    is_test,
    is_unpaid,
    is_of_unknown_status,
    is_gift_card_only,
    is_not_positive,
    is_fully_refunded,
    is_without_rate,
    customer_key is null as is_unattributed,
    (
        is_cancelled
        or is_voided
        or is_fraud
        or is_test
        or is_unpaid
        or is_of_unknown_status
        or is_gift_card_only
        or is_not_positive
        or is_fully_refunded
        or is_without_rate
    ) is false as is_valid
from judged
order by order_key
