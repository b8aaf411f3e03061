{# The key of a record from its readable identity ('source:id'): the same on every run, in any order of loading. #}
{% macro entity_key(identity) -%} {{ adapter.dispatch('entity_key')(identity) }} {%- endmacro %}
{% macro postgres__entity_key(identity) -%} md5({{ identity }})::uuid {%- endmacro %}

{# Compares text byte by byte, so that "the smallest identity" does not depend on the server's locale. #}
{% macro byte_order(text) -%} {{ adapter.dispatch('byte_order')(text) }} {%- endmacro %}
{% macro postgres__byte_order(text) -%} ({{ text }}) collate "C" {%- endmacro %}

{% macro sorted_list(expression) -%} {{ adapter.dispatch('sorted_list')(expression) }} {%- endmacro %}
{% macro postgres__sorted_list(expression) -%} array_agg({{ expression }} order by {{ expression }}) {%- endmacro %}

{# The members of a list, one row each. #}
{% macro members_of(list) -%} {{ adapter.dispatch('members_of')(list) }} {%- endmacro %}
{% macro postgres__members_of(list) -%} unnest({{ list }}) {%- endmacro %}
