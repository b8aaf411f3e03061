{# Score 1 to 5 of a value that is better the larger it is: one more for each of the four rising cut points it reaches. #}
{% macro score(value, cut_points) -%}
    (1 {%- for point in cut_points %} + ({{ value }} >= {{ point }})::int{% endfor %})
{%- endmacro %}

{# Score 1 to 5 of a value that is better the smaller it is: 5 up to the first cut point, 1 beyond the last. #}
{% macro falling_score(value, cut_points) -%}
    (1 {%- for point in cut_points %} + ({{ value }} <= {{ point }})::int{% endfor %})
{%- endmacro %}

{# The usual eleven names, by the recency score and the mean of the other two, rounded up. #}
{% macro segment(recency_score, frequency_score, money_score) -%}
    {%- set worth = '(' ~ frequency_score ~ ' + ' ~ money_score ~ ' + 1) / 2' -%}
    case
        when {{ recency_score }} = 5 and {{ worth }} >= 4 then 'champions'
        when {{ recency_score }} = 4 and {{ worth }} = 5 then 'champions'
        when {{ recency_score }} >= 4 and {{ worth }} >= 3 then 'loyal customers'
        when {{ recency_score }} >= 4 and {{ worth }} = 2 then 'potential loyalists'
        when {{ recency_score }} = 5 then 'new customers'
        when {{ recency_score }} = 4 then 'promising'
        when {{ recency_score }} = 3 and {{ worth }} >= 4 then 'loyal customers'
        when {{ recency_score }} = 3 and {{ worth }} = 3 then 'need attention'
        when {{ recency_score }} = 3 then 'about to sleep'
        when {{ worth }} = 5 then 'cannot lose them'
        when {{ recency_score }} = 1 and {{ worth }} = 4 then 'cannot lose them'
        when {{ worth }} >= 3 then 'at risk'
        when {{ recency_score }} = 2 then 'hibernating'
        else 'lost'
    end
{%- endmacro %}

{# The tier of an observed value: the name of the highest cut point that it reaches. #}
{% macro value_tier(amount) -%}
    case
        {%- for tier in var('value_tiers') %}
        when {{ amount }} >= {{ tier.at_least }} then '{{ tier.name }}'
        {%- endfor %}
        else '{{ var("lowest_value_tier") }}'
    end
{%- endmacro %}
