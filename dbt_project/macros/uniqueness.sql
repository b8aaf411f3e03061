{# Whether an index already keeps any two rows from having the same values in all of the columns; nulls it lets pass. #}
{% macro is_kept_unique(relation, columns) -%} {{ adapter.dispatch('is_kept_unique')(relation, columns) }} {%- endmacro %}
{% macro default__is_kept_unique(relation, columns) -%} false {%- endmacro %}
{% macro postgres__is_kept_unique(relation, columns) -%}
    {%- if relation is string -%} false  {#- only some of the rows are asked about -#}
    {%- else -%}
    exists (
        select 1
        from pg_index as indexes
        where
            indexes.indrelid = '{{ relation }}'::regclass
            and indexes.indisunique
            and indexes.indisvalid
            and indexes.indimmediate
            and indexes.indpred is null
            and indexes.indexprs is null
            and indexes.indnatts = indexes.indnkeyatts
            and (
                select array_agg(columns.attname::text order by columns.attname::text collate "C")
                from pg_attribute as columns
                where columns.attrelid = indexes.indrelid and columns.attnum = any(indexes.indkey)
            ) = array['{{ columns | sort | join("', '") }}']
    )
    {%- endif -%}
{%- endmacro %}

{# dbt's own test, which does not count what an index has counted. #}
{% macro postgres__test_unique(model, column_name) %}
select
    {{ column_name }} as unique_field,
    count(*) as n_records
from {{ model }}
where {{ column_name }} is not null and not {{ is_kept_unique(model, [column_name]) }}
group by {{ column_name }}
having count(*) > 1
{% endmacro %}
