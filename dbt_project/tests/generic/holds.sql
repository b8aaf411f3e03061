{# The condition is true on every row; a condition that is null does not hold. #}
{% test holds(model, condition) %}
select *
from {{ model }}
where ({{ condition }}) is not true
{% endtest %}
