with {{ known_then('exchange_rates', ['currency', 'rate_on'], [
    'currency', 'rate', 'rate_on', 'changed_at', 'is_deleted'
]) }}

select
    source,
    upper(trim(currency)) as currency,

    rate,

    rate_on,
    changed_at
from known_exchange_rates
where not is_deleted
