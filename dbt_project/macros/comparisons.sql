{# The statistics of two groups compared: the one place that knows a normal distribution. #}

{# The 97.5th percentile of the standard normal distribution: of a two-sided 95 % interval. #}
{% macro z_95() -%} 1.959963984540054 {%- endmacro %}

{# That, and the 80th percentile: a true difference of so many standard errors is found four times in five. #}
{% macro z_found_at_80() -%} 2.801585218112969 {%- endmacro %}

{# How often a standard normal is at least so far from 0, to either side. #}
{% macro two_sided_p(z) -%} {{ adapter.dispatch('two_sided_p')(z) }} {%- endmacro %}
{% macro postgres__two_sided_p(z) -%}
    (erfc(abs({{ z }})::double precision / sqrt(2::double precision)))::numeric(7, 6)
{%- endmacro %}

{# One end of Wilson's 95 % interval of a share (Wilson 1927): `side` is + or -. #}
{% macro wilson(successes, trials, side) -%}
    (
        (2.0 * {{ successes }} + {{ z_95() }} ^ 2 {{ side }} {{ z_95() }} * sqrt(
            {{ z_95() }} ^ 2 + 4.0 * {{ successes }} * ({{ trials }} - {{ successes }}) / {{ trials }}
        )) / (2.0 * ({{ trials }} + {{ z_95() }} ^ 2))
    )
{%- endmacro %}
