-- One row an account on record: whether it lets the shop write, and whether its address and number are its own.
with shared as (
    select
        source_id,
        rule
    from {{ ref('int_identity_links') }}
    where is_blocked
    union all
    -- whether a rule joins by it is no matter here
    select
        source_id,
        rule
    from {{ ref('int_unasked_identifiers') }}
    where is_shared
),

shared_identifiers as (
    select
        source_id,
        bool_or(rule = 'email') as has_shared_email,
        bool_or(rule = 'phone') as has_shared_phone
    from shared
    group by source_id
),

merged_away as (
    select distinct
        source,
        customer_id
    from {{ ref('stg_mapped__customer_merges') }}
),

records as (
    select
        customers.source,
        customers.customer_id,
        customers.load_id,
        customers.email,
        phones.e164,
        customers.accepts_marketing,
        customers.changed_at,
        customers.registered_at,
        -- closing after the as-of day is not known yet; a closing without a date has always been known
        (
            customers.is_closed
            and ({{ local_day('customers.closed_at') }} <= {{ as_of_on() }} or customers.closed_at is null)
        ) is not true as is_open
    from {{ ref('stg_mapped__customers') }} as customers
    left join {{ ref('stg_mapped__phone_numbers') }} as phones on customers.phone = phones.phone
),

-- what one account refuses to be written to by is refused for all that have it
refused as (
    select 'email:' || email as identifier
    from records
    where accepts_marketing is false and is_open and email is not null
    union
    select 'phone:' || e164 as identifier
    from records
    where accepts_marketing is false and is_open and e164 is not null
),

accounts as (
    select
        identities.customer_key,
        identities.source_id,
        records.*,
        refused_emails.identifier is not null as is_email_refused,
        refused_phones.identifier is not null as is_phone_refused,
        of_customer.withdrawn_at,
        of_email.withdrawn_at as email_withdrawn_at,
        of_phone.withdrawn_at as phone_withdrawn_at
    from {{ ref('int_customer_identities') }} as identities
    inner join records on identities.source = records.source and identities.customer_id = records.customer_id
    left join refused as refused_emails on 'email:' || records.email = refused_emails.identifier
    left join refused as refused_phones on 'phone:' || records.e164 = refused_phones.identifier
    left join {{ ref('int_withdrawals') }} as of_customer on identities.customer_key = of_customer.customer_key
    left join {{ ref('int_withdrawals') }} as of_email on 'email:' || records.email = of_email.identifier
    left join {{ ref('int_withdrawals') }} as of_phone on 'phone:' || records.e164 = of_phone.identifier
),

-- Of the few accounts that a withdrawal is about: when did they say yes? A record has one moment, that of its last
-- change, whatever changed. So a yes is later than a moment when the version before was no yes at that moment.
in_question as (
    select
        source,
        customer_id,
        load_id,
        accepts_marketing,
        changed_at,
        registered_at
    from accounts
    where accepts_marketing and coalesce(withdrawn_at, email_withdrawn_at, phone_withdrawn_at) is not null
),

versions as (
    select
        source,
        customer_id,
        load_id,
        accepts_marketing,
        changed_at
    from in_question
    union all
    select
        earlier.source,
        earlier.customer_id,
        earlier._load_id as load_id,
        earlier.accepts_marketing,
        earlier.changed_at
    from {{ source('history', 'customers') }} as earlier
    inner join in_question
        on earlier.customer_id = in_question.customer_id and earlier.source = in_question.source
    where earlier._load_id < in_question.load_id
),

followed as (
    select
        *,
        lag(load_id) over (partition by source, customer_id order by load_id) as load_id_before,
        lag(changed_at) over (partition by source, customer_id order by load_id) as changed_before_at,
        lag(accepts_marketing) over (partition by source, customer_id order by load_id) as accepted_before
    from versions
),

-- a load of the accounts would have brought a yes of before it
changes_of_mind as (
    select
        followed.source,
        followed.customer_id,
        max(least(followed.changed_at, greatest(followed.changed_before_at, loads.started_at))) as accepted_after
    from followed
    left join {{ source('ops', 'loads') }} as loads
        on followed.source = loads.source
        and loads.entity = 'customers'
        and loads.kind in ('incremental', 'full')
        and loads.status = 'published'
        and followed.load_id > loads.load_id
    where
        followed.load_id_before is not null
        and followed.accepts_marketing
        and followed.accepted_before is not true
        and followed.changed_at is not null
        and coalesce(followed.changed_before_at, loads.started_at) is not null
    group by followed.source, followed.customer_id
),

accepted as (
    select
        in_question.source,
        in_question.customer_id,
        greatest(in_question.registered_at, changes_of_mind.accepted_after) as accepted_after
    from in_question
    left join changes_of_mind
        on in_question.source = changes_of_mind.source and in_question.customer_id = changes_of_mind.customer_id
)

select
    accounts.customer_key,
    accounts.source_id,
    accounts.source,
    accounts.customer_id,
    coalesce(
        accounts.accepts_marketing
        and accounts.is_open
        -- the record that remains speaks for one that was merged into it
        and merged_away.customer_id is null
        and (accounts.withdrawn_at is null or accounts.withdrawn_at < accepted.accepted_after), false
    ) as agrees,
    coalesce(
        {{ is_one_address('accounts.email') }}
        and shared.has_shared_email is not true
        and not accounts.is_email_refused
        and (accounts.email_withdrawn_at is null or accounts.email_withdrawn_at < accepted.accepted_after), false
    ) as has_own_email,
    coalesce(
        accounts.e164 is not null
        and shared.has_shared_phone is not true
        and not accounts.is_phone_refused
        and (accounts.phone_withdrawn_at is null or accounts.phone_withdrawn_at < accepted.accepted_after), false
    ) as has_own_phone
from accounts
left join accepted on accounts.source = accepted.source and accounts.customer_id = accepted.customer_id
left join merged_away on accounts.source = merged_away.source and accounts.customer_id = merged_away.customer_id
left join shared_identifiers as shared on accounts.source_id = shared.source_id
