-- One row a change, window of days, reading and group: how many of the group were active when the days before began,
-- what they bought before and after, and how far apart the two lie. `placebo` reads the same one window earlier, when
-- nothing had changed yet.
with changes as (
    select
        source,
        change_id,
        min(kind) as kind,
        min(title) as title,
        min(changed_on) as changed_on
    from {{ ref('stg_mapped__business_changes') }}
    group by source, change_id
),

windows as (
    select
        changes.*,
        listed.window_days,
        listed.reading,
        {{ add_days('changes.changed_on', '-listed.earlier_days - listed.window_days') }} as before_from_on,
        {{ add_days('changes.changed_on', '-listed.earlier_days') }} as turned_on,
        {{ add_days('changes.changed_on', '-listed.earlier_days + listed.window_days') }} as matures_on
    from changes
    cross join (
        values
        (30, 'change', 0),
        (30, 'placebo', 30),
        (90, 'change', 0),
        (90, 'placebo', 90)
    ) as listed (window_days, reading, earlier_days)
    where changes.changed_on <= {{ as_of_on() }}
),

-- Whoever was active when the days before began is in both windows, bought they or not: the choice knows of neither.
members as (
    select
        windows.source,
        windows.change_id,
        windows.window_days,
        windows.reading,
        windows.before_from_on,
        windows.turned_on,
        windows.matures_on,
        occasions.customer_key,
        touched.customer_key is not null as is_touched
    from windows
    inner join {{ ref('int_purchase_occasions') }} as occasions
        on {{ add_days('windows.before_from_on', '-' ~ var('active_days')) }} <= occasions.occasion_on
        and windows.before_from_on > occasions.occasion_on
        and coalesce(windows.before_from_on <= occasions.next_occasion_on, true)
    left join {{ ref('int_change_customers') }} as touched
        on windows.source = touched.source
        and windows.change_id = touched.change_id
        and occasions.customer_key = touched.customer_key
),

bought as (
    select
        members.source,
        members.change_id,
        members.window_days,
        members.reading,
        members.customer_key,
        members.is_touched,
        count(occasions.occasion_on) filter (where occasions.occasion_on < members.turned_on) > 0 as is_buyer_before,
        count(occasions.occasion_on) filter (where occasions.occasion_on >= members.turned_on) > 0 as is_buyer_after,
        coalesce(sum(occasions.net_amount) filter (where occasions.occasion_on < members.turned_on), 0) as net_before,
        coalesce(sum(occasions.net_amount) filter (where occasions.occasion_on >= members.turned_on), 0) as net_after
    from members
    left join {{ ref('int_purchase_occasions') }} as occasions
        on members.customer_key = occasions.customer_key
        and members.before_from_on <= occasions.occasion_on
        and members.matures_on > occasions.occasion_on
    group by
        members.source, members.change_id, members.window_days, members.reading, members.customer_key,
        members.is_touched
),

counted as (
    select
        source,
        change_id,
        window_days,
        reading,
        is_touched,
        count(*) as customers,
        count(*) filter (where is_buyer_before) as buyers_before,
        count(*) filter (where is_buyer_after) as buyers_after,
        var_samp(is_buyer_after::int - is_buyer_before::int) as buyers_variance,
        sum(net_before) as net_before,
        sum(net_after) as net_after,
        var_samp(net_after - net_before) as net_variance
    from bought
    group by source, change_id, window_days, reading, is_touched
)

select
    windows.source,
    windows.change_id,
    windows.kind,
    windows.title,
    windows.changed_on,
    windows.window_days,
    windows.reading,
    windows.before_from_on,
    windows.turned_on,
    windows.matures_on,
    groups.is_touched,
    coalesce(counted.customers, 0) as customers,
    counted.buyers_before,
    counted.buyers_after,
    counted.buyers_variance::numeric(30, 10) as buyers_variance,
    counted.net_before::numeric(18, 2) as net_before,
    counted.net_after::numeric(18, 2) as net_after,
    counted.net_variance::numeric(30, 10) as net_variance
from windows
cross join (values (true), (false)) as groups (is_touched)
left join counted
    on windows.source = counted.source
    and windows.change_id = counted.change_id
    and windows.window_days = counted.window_days
    and windows.reading = counted.reading
    and groups.is_touched = counted.is_touched
