{# The last day that counts, as a constant: one build has one as-of day, even when it runs across midnight. #}
{% macro as_of_on() -%}
    {%- set today = run_started_at.astimezone(modules.pytz.timezone(var('business_timezone'))).date() -%}
    date '{{ var("as_of_on") or told_day("RETAIN_AS_OF_ON") or today }}'
{%- endmacro %}

{# A day from the environment; not while dbt reads the project, which would then be read anew every day. #}
{% macro told_day(name) -%} {{ return(env_var(name, '') if execute else '') }} {%- endmacro %}

{# The first day that has not ended yet. A window is mature when its end (exclusive) is not after it. #}
{% macro observed_until_on() -%}
    {%- set day = var('observed_until_on') or told_day('RETAIN_OBSERVED_UNTIL_ON') -%}
    {%- if day -%}
        date '{{ day }}'
    {%- else -%}
        {{ as_of_on() }}
    {%- endif -%}
{%- endmacro %}

{# A local day is cut here and stored as a date, never as a timestamp. #}
{% macro local_day(instant) -%} {{ adapter.dispatch('local_day')(instant) }} {%- endmacro %}
{% macro postgres__local_day(instant) -%}
    ({{ instant }} at time zone '{{ var("business_timezone") }}')::date
{%- endmacro %}

{% macro add_days(day, days) -%} {{ adapter.dispatch('add_days')(day, days) }} {%- endmacro %}
{% macro postgres__add_days(day, days) -%} ({{ day }} + ({{ days }})::int) {%- endmacro %}

{% macro days_between(earlier, later) -%} {{ adapter.dispatch('days_between')(earlier, later) }} {%- endmacro %}
{% macro postgres__days_between(earlier, later) -%} ({{ later }} - {{ earlier }}) {%- endmacro %}

{# A week is called by its first day; a quarter by its year in the configured calendar, like 2025-Q1. #}
{% macro period_day_label(day) -%} {{ adapter.dispatch('period_day_label')(day) }} {%- endmacro %}
{% macro postgres__period_day_label(day) -%} to_char({{ day }}, 'YYYY-MM-DD') {%- endmacro %}

{% macro quarter_label(quarter_index) -%} {{ adapter.dispatch('quarter_label')(quarter_index) }} {%- endmacro %}
{% macro postgres__quarter_label(quarter_index) -%}
    ({{ quarter_index }} / 4)::text || '-Q' || ({{ quarter_index }} % 4 + 1)::text
{%- endmacro %}
