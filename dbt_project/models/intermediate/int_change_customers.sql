-- One row a change and customer whom it touched. What a customer is known by stands from the first order on, so that
-- the change itself cannot move anybody from one group to the other.
with touched as (
    select distinct
        changes.source,
        changes.change_id,
        changes.touched,
        coalesce(identities.customer_key::text, changes.touched_value) as touched_value
    from {{ ref('stg_mapped__business_changes') }} as changes
    left join {{ ref('int_customer_identities') }} as identities
        on changes.touched = 'customer'
        and changes.source = identities.source
        and changes.touched_value = identities.customer_id
),

known_by as (
    select
        histories.customer_key,
        listed.touched,
        listed.touched_value
    from {{ ref('int_customer_histories') }} as histories
    cross join lateral (
        values
        ('everybody', 'everybody'),
        ('channel', histories.first_channel),
        ('region', histories.first_region),
        ('category', histories.first_category),
        ('customer', histories.customer_key::text)
    ) as listed (touched, touched_value)
)

select distinct
    touched.source,
    touched.change_id,
    known_by.customer_key
from known_by
inner join touched on known_by.touched = touched.touched and known_by.touched_value = touched.touched_value
