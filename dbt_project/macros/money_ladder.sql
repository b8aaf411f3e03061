{# Every rung of the ladder as a sum of a grain's rows: the columns that any two grains must agree in. `only` names a
   condition under which a rung is known, where it is not known of every row. #}
{% macro ladder_sums(alias, margin_only=none) -%}
    {%- for rung in ladder_rungs() -%}
    {%- set filtered = margin_only if rung == 'margin_amount' else none -%}
    coalesce(sum({{ alias }}.{{ rung }}){% if filtered %} filter (where {{ filtered }}){% endif %}, 0) as {{ rung }}
    {{- ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro ladder_rungs() -%}
    {{ return(['gross_amount', 'discount_amount', 'returns_amount', 'net_amount', 'margin_amount']) }}
{%- endmacro %}
