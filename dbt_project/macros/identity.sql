{# Digits of any script become 0-9, and the marks that nobody sees (direction, joiners, no-break blanks) go. #}
{% macro plain_text(text) -%} {{ adapter.dispatch('plain_text')(text) }} {%- endmacro %}
{% macro postgres__plain_text(text) -%}
    translate(
        {{ text }},
        U&'\06F0\06F1\06F2\06F3\06F4\06F5\06F6\06F7\06F8\06F9\0660\0661\0662\0663\0664\0665\0666\0667\0668\0669\00A0\200B\200C\200D\200E\200F\202A\202B\202C\202D\202E\2066\2067\2068\2069\FEFF',
        '01234567890123456789'
    )
{%- endmacro %}

{# An address as it is compared: without case, blanks and invisible marks; null when it is none. Where the provider of the
   mailbox sees no dots and no +suffix, neither do we. #}
{% macro normal_email(text) -%} {{ adapter.dispatch('normal_email')(text) }} {%- endmacro %}
{% macro postgres__normal_email(text) -%}
    {%- set address = 'lower(trim(' ~ plain_text(text) ~ '))' -%}
    {%- set domains = var('identity_dotless_domains') -%}
    case
        when {{ text }} is null or {{ address }} not like '%_@_%' then null
        {%- if domains %}
        when split_part({{ address }}, '@', 2) in ('{{ domains | join("', '") }}')
            then nullif({{ without_dots(address) }}, '@' || split_part({{ address }}, '@', 2))
        {%- endif %}
        else {{ address }}
    end
{%- endmacro %}

{# Whether mail can be sent to an address: to one, without blanks and marks. Of one that is null, null. #}
{% macro is_one_address(address) -%} {{ adapter.dispatch('is_one_address')(address) }} {%- endmacro %}
{% macro postgres__is_one_address(address) -%}
    {%- set other = '[^[:space:][:cntrl:]\\u00AD\\u2000-\\u206F\\u3000,;:<>()"@]+' -%}
    {{ address }} ~ '^{{ other }}@{{ other }}$'
{%- endmacro %}

{# The part before the @ without dots and without what follows a +. #}
{% macro without_dots(address) -%} {{ adapter.dispatch('without_dots')(address) }} {%- endmacro %}
{% macro postgres__without_dots(address) -%}
    replace(split_part(split_part({{ address }}, '@', 1), '+', 1), '.', '') || '@' || split_part({{ address }}, '@', 2)
{%- endmacro %}

{# A card's number as it is compared: letters and digits only, in capitals; null when none is left. #}
{% macro normal_card(text) -%} {{ adapter.dispatch('normal_card')(text) }} {%- endmacro %}
{% macro postgres__normal_card(text) -%}
    nullif(upper(regexp_replace({{ plain_text(text) }}, '[^[:alnum:]]', '', 'g')), '')
{%- endmacro %}

{# What a dashboard may show of an identifier: enough to recognise one that is known, not enough to learn one. #}
{% macro masked(rule, value) -%} {{ adapter.dispatch('masked')(rule, value) }} {%- endmacro %}
{% macro postgres__masked(rule, value) -%}
    case {{ rule }}
        when 'email' then left({{ value }}, 1) || '***(at)' || left(split_part({{ value }}, '@', 2), 1) || '***'
        when 'phone' then left({{ value }}, 4) || '***' || right({{ value }}, 2)
        when 'loyalty_card' then '***' || right({{ value }}, 2)
        else {{ value }}
    end
{%- endmacro %}

{# One number for a text; the numbers of many are put together without regard to their order. #}
{% macro fingerprint(text) -%} {{ adapter.dispatch('fingerprint')(text) }} {%- endmacro %}
{% macro postgres__fingerprint(text) -%} hashtextextended({{ text }}, 0) {%- endmacro %}

{% macro fingerprint_of_all(text) -%} {{ adapter.dispatch('fingerprint_of_all')(text) }} {%- endmacro %}
{% macro postgres__fingerprint_of_all(text) -%} bit_xor({{ fingerprint(text) }}) {%- endmacro %}

{# When this build began, as a constant. #}
{% macro build_started_at() -%} timestamptz '{{ run_started_at }}' {%- endmacro %}

{# The name of this build. #}
{% macro build_id() -%} '{{ invocation_id }}' {%- endmacro %}

{# With how many people an identifier of that kind may be seen before it is everybody's. #}
{% macro people_limit(rule) -%} {{ var('identity_limits')[rule] }} {%- endmacro %}

{# The rules, as a list for `in`. #}
{% macro rules_of(setting) -%} ('{{ (var(setting) or ['none']) | join("', '") }}') {%- endmacro %}

{# The rules in use as rows: rule, people_at_most, trust (1 is trusted most). #}
{% macro trusted_rules() -%}
    (
        values
        {%- for rule in var('identity_rules') %}
        ('{{ rule }}', {{ var('identity_limits')[rule] }}, {{ loop.index }}){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# What decides beside the identifiers themselves how people are put together, as a text. #}
{% macro identity_settings() -%}
    '{{ var("identity_rules") | join(" ") }} / {{ var("identity_one_per_person") | join(" ") }}'
{%- endmacro %}

{# One select a rule, of the identities that gave an identifier of it. #}
{% macro given_identifiers(identities) -%}
    {%- for rule in var('identity_rules') %}
    {%- set column = 'e164' if rule == 'phone' else rule %}
    {{ 'union all' if not loop.first }}
    select
        source_id,
        '{{ rule }}' as rule,
        {{ column }} as identifier_value
    from {{ identities }}
    where {{ column }} is not null
    {%- endfor %}
{%- endmacro %}

{# CTEs that put together the groups which share something, smallest identity first: `shared` has group_id and what it
   shares; the result, {{ name }}_found, has group_id and component, of groups in components of more than one.
   Walks start where all neighbours are larger and never go below their start. #}
{% macro components(name, shared) %}
{{ name }}_hubs as (
    select
        identifier,
        min(group_id) as hub
    from {{ shared }}
    group by identifier
    having count(*) > 1
),

{{ name }}_edges as (
    select
        members.group_id,
        hubs.hub as neighbour
    from {{ shared }} as members
    inner join {{ name }}_hubs as hubs on members.identifier = hubs.identifier
    where members.group_id <> hubs.hub
    union
    select
        hubs.hub as group_id,
        members.group_id as neighbour
    from {{ shared }} as members
    inner join {{ name }}_hubs as hubs on members.identifier = hubs.identifier
    where members.group_id <> hubs.hub
),

-- Most components are a group and its neighbours: one look around finds them. What is left to walk is between the
-- groups that this look calls by different names.
{{ name }}_around as (
    select
        group_id,
        least(group_id, min(neighbour)) as smallest
    from {{ name }}_edges
    group by group_id
),

{{ name }}_bridges as (
    select distinct
        one.smallest as group_id,
        other.smallest as neighbour
    from {{ name }}_edges as edges
    inner join {{ name }}_around as one on edges.group_id = one.group_id
    inner join {{ name }}_around as other on edges.neighbour = other.group_id
    where one.smallest <> other.smallest
),

{{ name }}_starts as (
    select group_id
    from {{ name }}_bridges
    group by group_id
    having min(neighbour) > group_id
),

{{ name }}_walks as (
    select
        group_id as start_id,
        group_id
    from {{ name }}_starts
    union
    select
        walks.start_id,
        bridges.neighbour as group_id
    from {{ name }}_walks as walks
    inner join {{ name }}_bridges as bridges on walks.group_id = bridges.group_id
    where bridges.neighbour > walks.start_id
),

{{ name }}_bridged as (
    select
        group_id,
        min(start_id) as component
    from {{ name }}_walks
    group by group_id
),

{{ name }}_found as (
    select
        around.group_id,
        coalesce(bridged.component, around.smallest) as component
    from {{ name }}_around as around
    left join {{ name }}_bridged as bridged on around.smallest = bridged.group_id
),
{% endmacro %}

{# CTEs that resolve `identities` (source_id) by `links` (source_id, rule, identifier), first by hand and by merges at the
   source, and then in the order of the rules. The result, resolved, has source_id, group_id and groups: the group of the identity before the first rule,
   after it, after the second, and so on. A rule that comes after one of identity_one_per_person joins no two groups that both have a value of that one: where it
   would, those groups stay as they are, and the others are joined without them. #}
{% macro resolve(identities, links) %}
{%- set rules, one_per_person = ['by_hand'] + var('identity_rules'), var('identity_one_per_person') %}
{%- for rule in rules %}
{%- set before = 'level_' ~ loop.index0 if loop.index0 else none %}
{%- set group_before = 'before.group_' ~ loop.index0 if before else 'links.source_id' %}
{%- set name = 'level_' ~ loop.index %}
{%- set owned = [] %}
{%- for earlier in rules[:loop.index0] if earlier in one_per_person %}{% do owned.append(earlier) %}{% endfor %}
{{ name }}_shared as (
    select distinct
        {{ group_before }} as group_id,
        links.identifier
    from {{ links }} as links
    {%- if before %}
    inner join {{ before }} as before on links.source_id = before.source_id
    {%- endif %}
    where links.rule in ('{{ (["by_hand", "merged"] if loop.first else [rule]) | join("', '") }}')
),
{{ components(name, name ~ '_shared') }}
{%- if owned %}
{{ name }}_owners as (
    select distinct
        {{ group_before }} as group_id
    from {{ links }} as links
    inner join {{ before }} as before on links.source_id = before.source_id
    where links.rule in ('{{ owned | join("', '") }}')
),

{{ name }}_disputed as (
    select found.component
    from {{ name }}_found as found
    inner join {{ name }}_owners as owners on found.group_id = owners.group_id
    group by found.component
    having count(*) > 1
),

{{ name }}_undisputed as (
    select
        shared.group_id,
        shared.identifier
    from {{ name }}_shared as shared
    inner join {{ name }}_found as found on shared.group_id = found.group_id
    inner join {{ name }}_disputed as disputed on found.component = disputed.component
    left join {{ name }}_owners as owners on shared.group_id = owners.group_id
    where owners.group_id is null
),
{{ components(name ~ '_again', name ~ '_undisputed') }}
{%- endif %}
{{ name }} as (
    select
        {{ 'before' if before else 'identities' }}.source_id,
        {%- set here = 'before.group_' ~ loop.index0 if before else 'identities.source_id' %}
        {%- for earlier in range(loop.index0) %}
        before.group_{{ earlier }},
        {%- endfor %}
        {%- if not before %}
        identities.source_id as group_0,
        {%- else %}
        before.group_{{ loop.index0 }},
        {%- endif %}
        {%- if owned %}
        case
            when disputed.component is null then coalesce(found.component, {{ here }})
            else coalesce(again.component, {{ here }})
        end as group_{{ loop.index }}
        {%- else %}
        coalesce(found.component, {{ here }}) as group_{{ loop.index }}
        {%- endif %}
    from {{ before ~ ' as before' if before else identities ~ ' as identities' }}
    left join {{ name }}_found as found on {{ here }} = found.group_id
    {%- if owned %}
    left join {{ name }}_disputed as disputed on found.component = disputed.component
    left join {{ name }}_again_found as again on {{ here }} = again.group_id
    {%- endif %}
),
{% endfor %}
resolved as (
    select
        source_id,
        group_{{ rules | length }} as group_id,
        jsonb_build_array({% for level in range(rules | length + 1) %}group_{{ level }}{{ ', ' if not loop.last }}{% endfor %})
            as groups
    from level_{{ rules | length }}
)
{% endmacro %}
