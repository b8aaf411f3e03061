{# numerator / denominator with six decimals; null where there is nobody to divide by. #}
{% macro rate(numerator, denominator, precision=7) -%}
    ({{ numerator }} / nullif({{ denominator }}, 0)::numeric)::numeric({{ precision }}, 6)
{%- endmacro %}
