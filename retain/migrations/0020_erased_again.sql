-- Who was erased, came back under the same e-mail address and was erased again is two customers: each time has pseudonyms of its own.
alter table ops.erased_identifiers drop constraint erased_identifiers_pkey;
create unique index erased_identifiers_each_time on ops.erased_identifiers (kind, digest, pseudonym) nulls not distinct;
comment on table ops.erased_identifiers is
    'HMAC-SHA256 of what erased people were known by, under a key that is not in the warehouse, and what stands in its place. An e-mail, phone or card has a row for each time that somebody of it was erased.';
