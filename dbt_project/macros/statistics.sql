{# The planner knows nothing of a table made a moment ago; without this it guesses, and guesses nested loops. #}
{% macro fresh_statistics(relation) -%} {{ adapter.dispatch('fresh_statistics')(relation) }} {%- endmacro %}
{% macro postgres__fresh_statistics(relation) -%} analyze {{ relation }} {%- endmacro %}
