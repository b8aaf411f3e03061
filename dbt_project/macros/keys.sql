{# The key of a record from its readable identity ('source:id'): the same on every run, in any order of loading. #}
{% macro entity_key(identity) -%} {{ adapter.dispatch('entity_key')(identity) }} {%- endmacro %}
{% macro postgres__entity_key(identity) -%} md5({{ identity }})::uuid {%- endmacro %}

{# Compares text byte by byte, so that "the smallest identity" does not depend on the server's locale. #}
{% macro byte_order(text) -%} {{ adapter.dispatch('byte_order')(text) }} {%- endmacro %}
{% macro postgres__byte_order(text) -%} ({{ text }}) collate "C" {%- endmacro %}

{% macro sorted_list(expression) -%} {{ adapter.dispatch('sorted_list')(expression) }} {%- endmacro %}
{% macro postgres__sorted_list(expression) -%} array_agg({{ expression }} order by {{ expression }}) {%- endmacro %}

{% macro sorted_set(expression) -%} {{ adapter.dispatch('sorted_set')(expression) }} {%- endmacro %}
{% macro postgres__sorted_set(expression) -%} array_agg(distinct {{ expression }} order by {{ expression }}) {%- endmacro %}

{# Of the rows of a group, the value of the one that comes first in an order. #}
{% macro first_of(value, order_by) -%} {{ adapter.dispatch('first_of')(value, order_by) }} {%- endmacro %}
{% macro postgres__first_of(value, order_by) -%} (array_agg({{ value }} order by {{ order_by }}))[1] {%- endmacro %}

{# The members of a list, one row each. #}
{% macro members_of(list) -%} {{ adapter.dispatch('members_of')(list) }} {%- endmacro %}
{% macro postgres__members_of(list) -%} unnest({{ list }}) {%- endmacro %}

{# Those that come after a place in the list, one row each. #}
{% macro members_after(list, place) -%} {{ adapter.dispatch('members_after')(list, place) }} {%- endmacro %}
{% macro postgres__members_after(list, place) -%} unnest(({{ list }})[{{ place }} + 1:]) {%- endmacro %}

{# The whole numbers from one to another, both included, one row each. #}
{% macro whole_numbers(first, last) -%} {{ adapter.dispatch('whole_numbers')(first, last) }} {%- endmacro %}
{% macro postgres__whole_numbers(first, last) -%} generate_series({{ first }}, {{ last }}) {%- endmacro %}
