select
    day,
    week_start,
    month_start,
    quarter_start,
    min(quarter_start) over (partition by quarter_index / 4) as year_start,
    next_week_start,
    next_month_start,
    next_quarter_start,
    max(next_quarter_start) over (partition by quarter_index / 4) as next_year_start,
    week_index,
    month_index,
    quarter_index,
    quarter_index / 4 as year_index,
    month_label
from {{ source('ops', 'calendar_days') }}
