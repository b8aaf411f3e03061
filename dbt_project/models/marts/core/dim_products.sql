-- One row a product of a source.
select
    {{ entity_key('source_id') }} as product_key,
    source,
    product_id,
    name,
    coalesce(category, 'unknown') as category,
    price,
    unit_cost,
    coalesce(currency, '{{ var("reporting_currency") }}') as currency,
    is_gift_card
from {{ ref('stg_mapped__products') }}
