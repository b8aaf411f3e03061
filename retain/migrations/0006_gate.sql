-- What each load looked like, so that the next one can be compared with what is usual; and the columns its source offered.
create table ops.profiles (
    load_id bigint not null references ops.loads,
    day date not null,
    measure text not null,
    subject text not null,
    n bigint not null,
    x numeric not null,
    xx numeric not null,
    primary key (load_id, day, measure, subject)
);
comment on table ops.profiles is 'Counts and sums of a load by business day: what is usual is learned from the published ones of the last weeks.';
comment on column ops.profiles.n is 'Rows that were measured; x is the sum of what was measured (or the rows it was true of), xx the sum of its squares.';
alter table ops.loads add column offered jsonb;
comment on column ops.loads.offered is 'The columns that the source offered, mapped or not, with their types as the source calls them.';
create table ops.unread_records (
    load_id bigint not null references ops.loads,
    key_values text[] not null,
    primary key (load_id, key_values)
);
comment on table ops.unread_records is
    'The records that the last comparison of keys found at the source, and that no load had brought: neither in raw nor in quarantine.';
alter table ops.loads add column is_late boolean not null default false;
comment on column ops.loads.is_late is 'Nothing new has come for longer than is usual: up to now the source is not known to be complete.';
