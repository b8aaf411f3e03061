{{ config(materialized='view') }}

select
    day,
    week_start,
    month_start,
    quarter_start,
    next_week_start,
    next_month_start,
    next_quarter_start,
    week_index,
    month_index,
    quarter_index,
    month_label
from {{ source('ops', 'calendar_days') }}
