-- A load of a system that is read page by page keeps each page, and where to go on, as soon as it has come.
alter table ops.loads add column progress jsonb;
comment on column ops.loads.progress is
    'Of a load that was not finished: the next page, the window, rows so far. Null once it has landed, and of sources that are read in one go.';
