-- For expressions of retain.yml: a Jalali day or time as text, in Western, Persian or Arabic digits, as the Gregorian one. What is none
-- stays as it came, so that the gate finds it. In 33 years 8 are leap years: right from 1178 to 1633.
create function ops.from_jalali(written text) returns text language sql immutable strict parallel safe as $$
    select case
        when part is null or month not between 1 and 12
            or day not between 1 and case when month <= 6 then 31 when month <= 11 or (8 * year + 29) % 33 < 8 then 30 else 29 end
            then written
        else to_char(
            date '2024-03-20'  -- 1 Farvardin 1403
            + 365 * (year - 1403) + (8 * year + 21) / 33 - (8 * 1403 + 21) / 33
            + 31 * least(month - 1, 6) + 30 * greatest(month - 7, 0) + day - 1,
            'YYYY-MM-DD'
        ) || part[4]
    end
    from (
        select part, part[1]::int as year, part[2]::int as month, coalesce(part[3]::int, 1) as day
        from regexp_match(
            regexp_replace(
                btrim(translate(written, '۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩', '01234567890123456789')),
                '^(1[2-5]\d\d)([01]\d)([0-3]\d)(?!\d)', '\1-\2-\3'
            ),
            '^(1[2-5]\d\d)[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?![\d/.-])(.*)$'
        ) as part
    ) as found
$$;
comment on function ops.from_jalali is '1403/01/15 10:00 as 2024-04-03 10:00; 1403-01 as its first day. A text that is no Jalali day is given back as it is.';
