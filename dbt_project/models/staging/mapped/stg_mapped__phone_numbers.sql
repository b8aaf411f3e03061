select
    phone,
    e164
from {{ source('raw', 'phone_numbers') }}
