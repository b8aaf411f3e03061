{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='source_id',
    on_schema_change='fail',
    sql_header=little_memory_a_step(),
    indexes=[{'columns': ['source_id'], 'unique': true}],
    post_hook=[
        "delete from {{ this }} as known where not exists (select 1 from {{ ref('int_identities') }} as identities where identities.source_id = known.source_id)"
    ]
) }}

-- Who is one person: identities that share an identifier, directly or through others, in the order of trust. Only the
-- clusters that something touched since the last build are put together anew; the others are as they were.
with recursive everything_said as (
    select
        source_id,
        identifier || case when is_active then '' else ' (not used)' end as said
    from {{ ref('int_identity_links') }}
    union all
    select
        source_id,
        {{ identity_settings() }} || coalesce(known_since_on::text, 'never') as said
    from {{ ref('int_identities') }}
),

evidence as (
    select
        source_id,
        {{ fingerprint_of_all('said') }} as evidence
    from everything_said
    group by source_id
),

active_links as (
    select
        source_id,
        rule,
        identifier
    from {{ ref('int_identity_links') }}
    where is_active
),

{% if is_incremental() %}
touched as (
    select
        coalesce(evidence.source_id, known.source_id) as source_id,
        known.cluster_id
    from evidence
    full outer join {{ this }} as known on evidence.source_id = known.source_id
    where evidence.evidence is distinct from known.evidence
),

touched_clusters as (
    select cluster_id
    from touched
    where cluster_id is not null
    union
    select known.cluster_id
    from touched
    inner join active_links as mine on touched.source_id = mine.source_id
    inner join active_links as theirs on mine.identifier = theirs.identifier
    inner join {{ this }} as known on theirs.source_id = known.source_id
),

scope as (
    select
        evidence.source_id,
        evidence.evidence
    from touched_clusters
    inner join {{ this }} as known on touched_clusters.cluster_id = known.cluster_id
    inner join evidence on known.source_id = evidence.source_id
    union
    select
        evidence.source_id,
        evidence.evidence
    from touched
    inner join evidence on touched.source_id = evidence.source_id
),

links_in_scope as (
    select active_links.*
    from active_links
    inner join scope on active_links.source_id = scope.source_id
),
{% else %}
scope as (
    select *
    from evidence
),

links_in_scope as (
    select *
    from active_links
),
{% endif %}

{{ resolve('scope', 'links_in_scope') }},

-- What shares an identifier that may not join it is looked at together all the same: the dispute may end.
cluster_shared as (
    select distinct
        resolved.group_id,
        links_in_scope.identifier
    from links_in_scope
    inner join resolved on links_in_scope.source_id = resolved.source_id
),

{{ components('cluster', 'cluster_shared') }}

-- The customer is called by its oldest identity, so that one who turns out to be another keeps the older key.
rooted as (
    select
        resolved.source_id,
        resolved.group_id,
        resolved.groups,
        first_value(resolved.source_id) over (
            partition by resolved.group_id order by identities.known_since_on nulls last, resolved.source_id
        ) as root_id
    from resolved
    inner join {{ ref('int_identities') }} as identities on resolved.source_id = identities.source_id
)

select
    rooted.source_id,
    rooted.root_id,
    coalesce(cluster_found.component, rooted.group_id) as cluster_id,
    rooted.groups,
    scope.evidence,
    {{ build_started_at() }} as resolved_at
from rooted
inner join scope on rooted.source_id = scope.source_id
left join cluster_found on rooted.group_id = cluster_found.group_id
