{# Whom records name, the account or what they gave, each in the one spelling by which customers are found. #}
{% macro named(records, phones) -%}
    nullif(trim({{ records }}.customer_id), '') as customer_id,
    coalesce(nullif(trim({{ records }}.customer_source), ''), {{ records }}.source) as customer_source,
    {{ normal_email(records ~ '.email') }} as email,
    {{ phones }}.e164,
    {{ normal_card(records ~ '.loyalty_card') }} as loyalty_card
{%- endmacro %}

{# Joins from records that name somebody (an account, or what they gave) to the customers that these are. Of the rows of
   int_identifier_customers each identifier has one at most, and so has an account of int_customer_identities. #}
{% macro joins_to_customers(records) %}
left join {{ ref('int_customer_identities') }} as accounts
    on {{ records }}.customer_source = accounts.source and {{ records }}.customer_id = accounts.customer_id
{%- for rule in var('identity_rules') %}
left join {{ ref('int_identifier_customers') }} as by_{{ rule }}
    on '{{ rule }}:' || {{ records }}.{{ 'e164' if rule == 'phone' else rule }} = by_{{ rule }}.identifier
{%- endfor %}
{%- endmacro %}

{# The customer that the joins found: of the account, else of what is trusted most. #}
{% macro customer_found() -%}
    coalesce(accounts.customer_key{% for rule in var('identity_rules') %}, by_{{ rule }}.customer_key{% endfor %})
{%- endmacro %}

{# Of rows about one thing, the customer that all name who name one; null where they differ. #}
{% macro the_same_customer(customer_key) -%} {{ adapter.dispatch('the_same_customer')(customer_key) }} {%- endmacro %}
{% macro postgres__the_same_customer(customer_key) -%}
    case
        when min({{ customer_key }}::text) = max({{ customer_key }}::text) then min({{ customer_key }}::text)::uuid
    end
{%- endmacro %}

{# A moment, where it was known on the as-of day. #}
{% macro known_moment(instant) -%} case when {{ local_day(instant) }} <= {{ as_of_on() }} then {{ instant }} end {%- endmacro %}

{# Hours from one moment to a later one. #}
{% macro hours_between(earlier, later) -%} {{ adapter.dispatch('hours_between')(earlier, later) }} {%- endmacro %}
{% macro postgres__hours_between(earlier, later) -%}
    round((extract(epoch from {{ later }} - {{ earlier }}) / 3600)::numeric, 2)::numeric(18, 2)
{%- endmacro %}
