-- Who unsubscribed or complained is not written to: what the view outreach.win_back needs to find whom a message names.
create function outreach.plain_text(written text) returns text language sql immutable strict parallel safe as $$
    select translate(
        written,
        U&'\06F0\06F1\06F2\06F3\06F4\06F5\06F6\06F7\06F8\06F9\0660\0661\0662\0663\0664\0665\0666\0667\0668\0669\00A0\200B\200C\200D\200E\200F\202A\202B\202C\202D\202E\2066\2067\2068\2069\FEFF',
        '01234567890123456789'
    )
$$;
comment on function outreach.plain_text is 'As the macro plain_text of the models has it.';

create function outreach.normal_email(written text, dotless_domains text[]) returns text language sql immutable parallel safe as $$
    select case
        when address not like '%_@_%' then null
        when split_part(address, '@', 2) = any(dotless_domains)
            then nullif(
                replace(split_part(split_part(address, '@', 1), '+', 1), '.', '') || '@' || split_part(address, '@', 2),
                '@' || split_part(address, '@', 2)
            )
        else address
    end
    from (select lower(trim(outreach.plain_text(written))) as address) as plain
$$;
comment on function outreach.normal_email is 'An address as the models compare it; null when it is none.';

create function outreach.normal_card(written text) returns text language sql immutable strict parallel safe as $$
    select nullif(upper(regexp_replace(outreach.plain_text(written), '[^[:alnum:]]', '', 'g')), '')
$$;
comment on function outreach.normal_card is 'A card as the models compare it; null when nothing of it is left.';

create function outreach.is_one_address(address text) returns boolean language sql immutable strict parallel safe as $$
    select address ~ '^[^[:space:][:cntrl:]\u00AD\u2000-\u206F\u3000,;:<>()"@]+@[^[:space:][:cntrl:]\u00AD\u2000-\u206F\u3000,;:<>()"@]+$'
$$;
comment on function outreach.is_one_address is 'As the macro is_one_address of the models has it.';

create table outreach.dotless_domains (domain text primary key);
comment on table outreach.dotless_domains is 'identity.dotless_domains of retain.yml, as the last build had them.';

create table outreach.win_back_identifiers (
    customer_key uuid not null,
    identifier uuid not null,
    primary key (identifier, customer_key)
);
comment on table outreach.win_back_identifiers is
    'By what a message may name whoever is on the list: accounts, addresses, numbers and cards, as fingerprints. What many share is not there.';

-- The view is made anew by this release, in its place: whoever it was granted to can read it as before.
do $$ begin
    if to_regclass('outreach.win_back') is not null then
        comment on view outreach.win_back is null;
    end if;
end $$;
