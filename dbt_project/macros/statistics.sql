{# The planner knows nothing of a table made a moment ago; without this it guesses, and guesses nested loops. #}
{% macro fresh_statistics(relation) -%}
    {%- if model.config.materialized != 'view' -%} {{ adapter.dispatch('fresh_statistics')(relation) }} {%- endif -%}
{%- endmacro %}
{% macro postgres__fresh_statistics(relation) -%} analyze {{ relation }} {%- endmacro %}
