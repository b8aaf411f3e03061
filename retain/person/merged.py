"""What the record of an account says of merges at its source: numbers of other accounts, which are the same person's."""

from psycopg import sql

from retain.config import Settings
from retain.person.identifiers import CUSTOMER_ID, digest, normal

MERGED = ("merged_into", "merged_ids")  # the account it is part of now; with ; between, those that are part of it


def renamed(value: sql.Composable, settings: Settings, source: sql.Composable, known: sql.Composable) -> sql.Composed:
    """The accounts of a list by their pseudonyms in `known` (kind, digest, pseudonym); one that it does not know is left out."""
    return sql.SQL(
        "(select string_agg(known.pseudonym, ';' order by member.place) from unnest(string_to_array({value}, ';')) "
        "with ordinality as member (number, place) join {known} as known on known.kind = {kind} and known.digest = {digest})"
    ).format(value=value, known=known, kind=sql.Literal(CUSTOMER_ID), digest=_digest(settings, source))


def digests_of(alias: str, settings: Settings, source: sql.Composable) -> sql.Composed:
    """The digests of all accounts that a record names, as bytea[]."""
    return sql.SQL(
        "array(select {digest} from unnest(string_to_array(concat_ws(';', {said}), ';')) as member (number))"
    ).format(
        digest=_digest(settings, source),
        said=sql.SQL(", ").join(sql.SQL("{}.{}").format(sql.Identifier(alias), sql.Identifier(one)) for one in MERGED),
    )


def _digest(settings: Settings, source: sql.Composable) -> sql.Composed:
    return digest(CUSTOMER_ID, normal(CUSTOMER_ID, sql.SQL("member.number"), settings, source))
