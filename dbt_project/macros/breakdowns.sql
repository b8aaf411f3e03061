{# What customers are broken down by, as it stood on their first order: name of the dimension and its column. #}
{% macro breakdown_columns(more) -%}
    {{ return(dict({'channel': 'first_channel', 'region': 'first_region', 'category': 'first_category'}, **more)) }}
{%- endmacro %}

{# Further dimensions of what follows an occasion: how the customer stood when the month of the occasion began. #}
{% macro standings_then() -%}
    {{ return({'segment': 'segment_then', 'value tier': 'value_tier_then', 'tier': 'tier_then'}) }}
{%- endmacro %}

{# `dimension` and `dimension_value` of a row that is grouped by breakdown_sets: all customers, or those of one value.
   `more`: further dimensions of the model and their columns. #}
{% macro breakdown(more={}) -%}
    {%- set columns = breakdown_columns(more) -%}
    case
        {%- for dimension, column in columns.items() %}
        when grouping({{ column }}) = 0 then '{{ dimension }}'
        {%- endfor %}
        else 'all'
    end as dimension,
    coalesce({{ columns.values() | join(', ') }}, 'all') as dimension_value
{%- endmacro %}

{# `group by` the columns (without any when empty) over all customers and over each breakdown, in one pass. #}
{% macro breakdown_sets(columns, more={}) -%}
    grouping sets (
        ({{ columns }})
        {%- for column in breakdown_columns(more).values() %},
        ({{ columns }}{{ ', ' if columns }}{{ column }})
        {%- endfor %}
    )
{%- endmacro %}
