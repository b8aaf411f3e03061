with {{ known_then('products', ['product_id'], [
    'product_id', 'name', 'category', 'currency', 'price', 'unit_cost', 'is_gift_card', 'changed_at',
    'is_deleted'
]) }}

select
    source,
    product_id,
    source || ':' || product_id as source_id,

    nullif(trim(name), '') as name,
    nullif(trim(category), '') as category,
    upper(trim(currency)) as currency,

    price,
    unit_cost,

    is_gift_card,

    changed_at
from known_products
where not is_deleted
