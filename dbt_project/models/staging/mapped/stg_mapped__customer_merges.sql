with {{ known_then('customers', ['customer_id'], [
    'customer_id', 'merged_into', 'merged_ids', 'email', 'phone', 'loyalty_card', 'registered_at', '_load_id'
]) }},

told as (
    select
        source,
        trim(customer_id) as customer_id,
        trim(merged_into) as merged_into_id,
        _load_id as load_id
    from known_customers
    where merged_into is not null
    union
    select
        source,
        trim({{ members_of("string_to_array(merged_ids, ';')") }}) as customer_id,
        trim(customer_id) as merged_into_id,
        _load_id as load_id
    from known_customers
    where merged_ids is not null
)

select
    told.source,
    told.customer_id,
    told.merged_into_id,
    {{ normal_email('gone.email') }} as email,
    gone.phone,
    {{ normal_card('gone.loyalty_card') }} as loyalty_card,
    gone.registered_at,
    max(told.load_id) as load_id
from told
left join known_customers as gone on told.source = gone.source and told.customer_id = gone.customer_id
where told.customer_id <> '' and told.merged_into_id <> '' and told.customer_id <> told.merged_into_id
group by
    told.source, told.customer_id, told.merged_into_id, gone.email, gone.phone, gone.loyalty_card, gone.registered_at
