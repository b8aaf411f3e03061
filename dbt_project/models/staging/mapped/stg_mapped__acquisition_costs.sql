with {{ known_then('acquisition_costs', ['channel', 'month_on'], [
    'channel', 'month_on', 'currency', 'amount', 'changed_at', 'is_deleted'
]) }}

select
    source,
    trim(channel) as channel,
    upper(trim(currency)) as currency,

    amount,

    month_on,
    changed_at
from known_acquisition_costs
where not is_deleted
