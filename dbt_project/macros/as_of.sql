{# CTEs up to `known_<entity>`: the records as a warehouse would hold them that had stopped loading when the as-of day ended.
   Of a source that was loaded by then, what the loads until then had brought: the version of that time of what changed
   since, and nothing of what came later. Of one that was first loaded afterwards, what is known now: how a record stood
   before it was first seen, nobody can tell, and what was put right since is right. #}
{% macro known_then(entity, keys, columns) -%}
    {{ adapter.dispatch('known_then')(entity, ['source'] + keys, ['source'] + columns) }}
{%- endmacro %}

{% macro postgres__known_then(entity, keys, columns) -%}
{{ last_load() }},

known_sources as (
    select distinct source
    from {{ source('ops', 'loads') }}
    where entity = '{{ entity }}' and status = 'published' and load_id <= (select load_id from last_load)
),

{# as of today there is no later load, and this is not even read -#}
before as (
    select distinct on ({{ keys | join(', ') }}) {{ columns | join(', ') }}
    from {{ source('history', entity) }}
    where
        (select load_id < newest_load_id from last_load)
        and _load_id <= (select load_id from last_load)
        and source in (select source from known_sources)
    order by {{ keys | join(', ') }}, _load_id desc
),

known_{{ entity }} as (
    select {% for column in columns %}now.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ source('raw', entity) }} as now
    where
        now._load_id <= (select load_id from last_load)
        or now.source not in (select source from known_sources)
    union all
    select {% for column in columns %}before.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from before
    inner join {{ source('raw', entity) }} as now
        on {% for key in keys %}now.{{ key }} = before.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    where now._load_id > (select load_id from last_load)
)
{%- endmacro %}

{# CTE `last_load`: the last load that was published when the as-of day ended, and the last one of all. #}
{% macro last_load() -%}
last_load as (
    select
        coalesce(max(load_id) filter (where {{ local_day('published_at') }} <= {{ as_of_on() }}), 0) as load_id,
        coalesce(max(load_id), 0) as newest_load_id
    from {{ source('ops', 'loads') }}
    where status = 'published'
)
{%- endmacro %}
