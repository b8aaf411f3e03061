{# The planner knows nothing of a table made a moment ago; without this it guesses, and guesses nested loops. A
   quarter of the usual sample is enough for that, and wide tables cost as much to look at as to make. #}
{% macro fresh_statistics(relation) -%}
    {%- if model.config.materialized != 'view' -%} {{ adapter.dispatch('fresh_statistics')(relation) }} {%- endif -%}
{%- endmacro %}
{% macro postgres__fresh_statistics(relation) -%}
    set local default_statistics_target = 25; analyze {{ relation }}
{%- endmacro %}

{# For the statement of this model alone: where there are nearly as many groups as rows, they are made by sorting. A table
   of hashes of that size takes more memory than a query should, and then longer. #}
{% macro groups_by_sorting() -%} {{ adapter.dispatch('groups_by_sorting')() }} {%- endmacro %}
{% macro postgres__groups_by_sorting() -%} set local enable_hashagg = off; {%- endmacro %}

{# For the statement of this model alone: each of its dozens of steps may take a work_mem, and they are all kept until the end. #}
{% macro little_memory_a_step() -%} {{ adapter.dispatch('little_memory_a_step')() }} {%- endmacro %}
{% macro postgres__little_memory_a_step() -%} set local work_mem = '16MB'; {%- endmacro %}

{# Before a CTE's text: its expressions are worked out once a row of it, not once a row of what joins it. #}
{% macro worked_out_once() -%} {{ adapter.dispatch('worked_out_once')() }} {%- endmacro %}
{% macro postgres__worked_out_once() -%} materialized {%- endmacro %}

{# At the end of a CTE: its expressions are worked out once a row, however often what follows names them. Nothing is stored. #}
{% macro named_often() -%} {{ adapter.dispatch('named_often')() }} {%- endmacro %}
{% macro default__named_often() -%} {%- endmacro %}
{% macro postgres__named_often() -%} offset 0 {%- endmacro %}
