{# No two rows have the same values in all of the columns. What an index keeps unique is not counted again. #}
{% test unique_together(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where not {{ is_kept_unique(model, columns) }} or {{ columns | join(' is null or ') }} is null
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
