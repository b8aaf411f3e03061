{# The cut points of risk_band. A fact (closed) comes before an observation (lapsed), and that before a prediction. #}
{% macro risk_band(is_closed, is_lapsed, p_no_order_90) -%}
    case
        when {{ is_closed }} then 'closed'
        when {{ is_lapsed }} then 'lapsed'
        when {{ p_no_order_90 }} is null then 'unknown'
        when {{ p_no_order_90 }} >= 0.8 then 'high'
        when {{ p_no_order_90 }} >= 0.5 then 'medium'
        else 'low'
    end
{%- endmacro %}
