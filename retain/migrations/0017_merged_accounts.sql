-- Which accounts a vendor merged: the one that is gone says into which, or the one that remains says which they were.
-- In a new warehouse the raw tables are made after this, with the columns.
alter table if exists raw.customers add column if not exists merged_into text, add column if not exists merged_ids text;
