with {{ known_then('orders', ['order_id'], [
    'order_id', 'customer_id', 'email', 'phone', 'status', 'currency', 'channel', 'store', 'region',
    'gross_amount', 'discount_amount', 'tax_amount', 'shipping_amount', 'is_test', 'ordered_at', 'changed_at',
    'loyalty_card', 'is_deleted', '_load_id'
]) }}

select
    source,
    order_id,
    source || ':' || order_id as source_id,
    nullif(trim(customer_id), '') as customer_id,

    {{ normal_email('email') }} as email,
    phone,
    {{ normal_card('loyalty_card') }} as loyalty_card,
    lower(trim(status)) as status,
    upper(trim(currency)) as currency,
    nullif(trim(channel), '') as channel,
    nullif(trim(store), '') as store,
    nullif(trim(region), '') as region,

    gross_amount,
    discount_amount,
    tax_amount,
    shipping_amount,

    is_test,

    ordered_at,
    changed_at,
    _load_id as load_id
from known_orders
where not is_deleted
