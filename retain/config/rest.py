"""The `rest` sources of retain.yml: any system that answers in JSON, described without code."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from retain.config.gating import GateOfSource
from retain.config.part import Mapping, Part

TimeFormat = Literal["iso", "local", "day", "hour", "epoch", "epoch_ms"]


class BearerAuth(Part):
    type: Literal["bearer"] = "bearer"
    token: SecretStr = Field(description="The token, e.g. ${CRM_TOKEN}.")


class KeyAuth(Part):
    type: Literal["api_key"] = "api_key"
    key: SecretStr = Field(description="The key, e.g. ${CRM_KEY}.")
    header: str | None = Field(default=None, min_length=1, description="The header that carries it.")
    query: str | None = Field(
        default=None, min_length=1, description="The parameter that carries it, without `header`."
    )


class BasicAuth(Part):
    type: Literal["basic"] = "basic"
    user: SecretStr = Field(description="The user, e.g. ${SHOP_KEY}.")
    password: SecretStr = Field(description="The password, e.g. ${SHOP_SECRET}.")


class ClientCredentialsAuth(Part):
    type: Literal["client_credentials"] = "client_credentials"
    token_url: str = Field(min_length=1, description="Where a token is asked for.")
    client_id: SecretStr = Field(description="The client's id, e.g. ${CRM_CLIENT}.")
    client_secret: SecretStr = Field(description="The client's secret, e.g. ${CRM_SECRET}.")
    scope: str | None = Field(default=None, min_length=1, description="The scopes to ask for, with spaces between.")


class ServiceAccountAuth(Part):
    type: Literal["service_account"] = "service_account"
    key_file: Path = Field(description="The JSON file with the key of the account, relative to retain.yml.")
    scope: str = Field(min_length=1, description="The scopes to ask for, with spaces between.")


AUTHS: dict[str, type[Part]] = {
    "bearer": BearerAuth,
    "api_key": KeyAuth,
    "basic": BasicAuth,
    "client_credentials": ClientCredentialsAuth,
    "service_account": ServiceAccountAuth,
}
Auth = Annotated[
    BearerAuth | KeyAuth | BasicAuth | ClientCredentialsAuth | ServiceAccountAuth, Field(discriminator="type")
]


class Rate(Part):
    requests: int = Field(ge=1, description="So many requests …")
    seconds: int = Field(default=1, ge=1, description="… in so many seconds, and no more.")
    burst: int | None = Field(default=None, ge=1, description="No more than so many of them in one second.")


class Paging(Part):
    style: Literal["none", "page", "offset", "link_header", "next_link", "cursor"] = Field(
        default="none", description="How the answer is cut into pages."
    )
    param: str | None = Field(default=None, min_length=1, description="Parameter of the page, offset or cursor.")
    first: int = Field(default=1, ge=0, description="The number of the first page.")
    size: int | None = Field(default=None, ge=1, description="Records a page.")
    size_param: str | None = Field(default=None, min_length=1, description="Parameter of the size.")
    next: str | None = Field(default=None, min_length=1, description="Where the next link or cursor is in the answer.")
    more: str | None = Field(default=None, min_length=1, description="A flag that is true while there are more pages.")
    end: str | None = Field(default=None, min_length=1, description="A flag that is true on the last page.")
    total: str | None = Field(
        default=None,
        min_length=1,
        description="Where the answer says how many records all pages have together; of pages with `size`.",
    )
    carry: dict[str, str] = Field(
        default={}, description="Parameters that every further page is asked with, by where the answer gives them."
    )
    keep: bool = Field(
        default=False,
        description="Whether the last cursor is kept, and the next load goes on from it: a feed of changes.",
    )


class Asked(Part):
    """How to ask for what changed in a span of time."""

    since: str | None = Field(default=None, min_length=1, description="Parameter of the span's start.")
    until: str | None = Field(default=None, min_length=1, description="Parameter of the span's end.")
    format: TimeFormat = Field(default="iso", description="How the two are written.")
    template: str | None = Field(
        default=None,
        min_length=1,
        description="The value of `since`, where one holds both: {since} and {until} stand in it.",
    )
    cursor: str | None = Field(default=None, min_length=1, description="Where a record says when it changed.")
    first_day: date | None = Field(
        default=None, description="The first day that is asked for, e.g. 2024-01-01; without it, everything there is."
    )
    overlap_minutes: int | None = Field(
        default=None, ge=0, description="How far each load reaches back, where that is not what holds for the source."
    )


class Export(Part):
    """A list that comes as a file of JSON lines for a span of whole days or hours, instead of pages."""

    format: Literal["jsonl", "zip"] = Field(
        description="jsonl: a record a line; zip: an archive of such files, each of which may be gzipped."
    )
    first_day: date = Field(description="The first day that is asked for, e.g. 2024-01-01.")
    at_once: int = Field(ge=1, description="So many days, or hours, in one request.")
    nothing: int | None = Field(
        default=None, ge=400, le=599, description="Status by which the system says that it has nothing of a span."
    )
    too_much: tuple[int, ...] = Field(
        default=(), description="Statuses by which it says that a span is too long: then half of it is asked for."
    )


class Changes(Part):
    """Another list of the same records, which is asked where only what changed is wanted: a search, an export."""

    path: str = Field(min_length=1, description="Path of that list, below `url`.")
    params: dict[str, str] = Field(default={}, description="Parameters of every request.")
    start: dict[str, str] = Field(default={}, description="Parameters of the first request, before there is a cursor.")
    body: str | None = Field(default=None, min_length=2, description="JSON to be sent, as `body` of the entity.")
    form: tuple[str, ...] | None = Field(
        default=None, description="Parameters that are sent as a form, as `form` of the entity."
    )
    paging: Paging = Field(default=Paging(), description="How the answer is cut into pages.")


class RestEntity(Mapping):
    path: str = Field(min_length=1, description="Path of the list, below `url`.")
    records: str | None = Field(
        default=None, min_length=1, description="Where the list is in the answer; absent: the answer is the list."
    )
    empty: str | None = Field(
        default=None,
        min_length=1,
        description="What an answer has that leaves the list out because it is empty; else a list that is missing is none.",
    )
    tell: dict[str, str] = Field(default={}, description="What to tell, once a load, where an answer says so, by path.")
    each: str | None = Field(
        default=None,
        min_length=1,
        description="Where a list is in each record: one row each, `item` in it, and the record as `parent`.",
    )
    related: str | None = Field(
        default=None,
        min_length=1,
        description="Where what records refer to is listed, as in JSON:API: each is then `item`, and that is `related`.",
    )
    params: dict[str, str] = Field(default={}, description="Parameters of every request.")
    start: dict[str, str] = Field(
        default={}, description="Parameters of the request that begins at the beginning, before there is a cursor."
    )
    body: str | None = Field(
        default=None,
        min_length=2,
        description="JSON to be sent by POST; a parameter stands in it as {name}, and is then not in the address.",
    )
    form: tuple[str, ...] | None = Field(
        default=None, description="Parameters that are sent by POST as a form, and are then not in the address."
    )
    paging: Paging = Field(default=Paging(), description="How the answer is cut into pages.")
    changes: Changes | None = Field(
        default=None,
        description="The list to ask for what changed, where that is another one than the list of everything.",
    )
    window: Asked | None = Field(
        default=None, description="How to ask for what changed; absent: read everything each time."
    )
    export: Export | None = Field(default=None, description="How it comes as files of JSON lines, instead of pages.")
    replaces: str | None = Field(
        default=None,
        min_length=1,
        description="Where a record says of which day it is: a day that is asked for again is then all there is of it.",
    )
    deleted: str | None = Field(
        default=None, min_length=1, description="Condition on a record that says it was deleted there."
    )
    find_deleted: bool = Field(
        default=False,
        description="Whether the list without a window holds every record: then what is gone was deleted.",
    )


class RestSource(Part):
    type: Literal["rest"] = "rest"
    name: str = Field(description="Short name of the source: it is part of every key.")
    url: str = Field(min_length=1, description="Address that the paths of the entities begin at.")
    links_at: str | None = Field(
        default=None,
        min_length=1,
        description="Address that its links begin with, where it is asked at another: through a gateway, or a copy of it.",
    )
    auth: Auth | None = Field(default=None, description="How the system lets us in.")
    headers: dict[str, str] = Field(default={}, description="Headers of every request; no secrets.")
    hints: dict[str, str] = Field(default={}, description="What to do when the system answers so, by status.")
    rate: Rate | None = Field(default=None, description="How often it may be asked.")
    quota: dict[str, str] = Field(
        default={}, description="Words by which a refusal is a quota that is used up, by status; a 429 is one without."
    )
    reserve: dict[str, int] = Field(
        default={}, description="How much of a quota is left to others, by where an answer says what is left of it."
    )
    timezone: str | None = Field(default=None, description="Zone of times without one; the shop's if absent.")
    date_order: Literal["YMD", "DMY", "MDY"] = Field(default="YMD", description="How 03/04/2025 is read.")
    overlap_minutes: int = Field(
        default=60, ge=0, description="How far each load reaches back before the last one, for records that came late."
    )
    settle_minutes: int = Field(default=1, ge=0, description="Records younger than this are left for the next load.")
    entities: dict[str, RestEntity] = Field(min_length=1, description="What the system holds.")
    gate: GateOfSource | None = Field(  # type: ignore[valid-type]
        default=None, description="Thresholds of the gate that are different for this source."
    )
