{# Score 1 to 5 of a value that is better the larger it is: one more for each of the four rising cut points it reaches. #}
{% macro score(value, cut_points) -%}
    (1 {%- for point in cut_points %} + ({{ value }} >= {{ point }})::int{% endfor %})
{%- endmacro %}

{# Score 1 to 5 of a value that is better the smaller it is: 5 up to the first cut point, 1 beyond the last. #}
{% macro falling_score(value, cut_points) -%}
    (1 {%- for point in cut_points %} + ({{ value }} <= {{ point }})::int{% endfor %})
{%- endmacro %}

{# The usual eleven names, by the recency score and the mean of the other two, rounded up. Each score is looked at once:
   it may stand for a long expression. #}
{% macro segment(recency_score, frequency_score, money_score) -%}
    {%- set worth = '(' ~ frequency_score ~ ' + ' ~ money_score ~ ' + 1) / 2' -%}
    case {{ recency_score }}
        when 5 then case {{ worth }}
            when 5 then 'champions' when 4 then 'champions' when 3 then 'loyal customers'
            when 2 then 'potential loyalists' else 'new customers'
        end
        when 4 then case {{ worth }}
            when 5 then 'champions' when 4 then 'loyal customers' when 3 then 'loyal customers'
            when 2 then 'potential loyalists' else 'promising'
        end
        when 3 then case {{ worth }}
            when 5 then 'loyal customers' when 4 then 'loyal customers' when 3 then 'need attention'
            else 'about to sleep'
        end
        when 2 then case {{ worth }}
            when 5 then 'cannot lose them' when 4 then 'at risk' when 3 then 'at risk' else 'hibernating'
        end
        else case {{ worth }}
            when 5 then 'cannot lose them' when 4 then 'cannot lose them' when 3 then 'at risk' else 'lost'
        end
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
