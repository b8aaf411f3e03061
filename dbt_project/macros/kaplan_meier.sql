{# Of a step's days in order (window so_far: event_customers of at_risk_customers): the product of (1 - events / at risk), as a
   sum of logarithms, and Greenwood's sum for its band. Nobody is left once all at risk had the event. #}
{% macro survival_sums() -%}
    bool_or(event_customers = at_risk_customers) over so_far as is_exhausted,
        sum(ln(1 - event_customers::double precision / nullif(at_risk_customers, event_customers))) over so_far
            as log_survival,
        sum(
            event_customers::double precision
            / nullif(at_risk_customers::double precision * (at_risk_customers - event_customers), 0)
        ) over so_far as greenwood
{%- endmacro %}

{# The curve and its 95 % band, on the scale of log(-log S), which stays inside [0, 1]. #}
{% macro survival_rates() -%}
    (case when is_exhausted then 0 else exp(log_survival) end)::numeric(7, 6) as survival_rate,
    {%- for name, sign in [('survival_low', ''), ('survival_high', '-')] %}
    (
        case
            when is_exhausted then 0
            when log_survival = 0 then 1
            else exp(log_survival * exp({{ sign }}1.959963984540054 * sqrt(greenwood) / abs(log_survival)))
        end
    )::numeric(7, 6) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
