"""From page to page: where a walk stands, which way it goes, and one that does not end."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from retain.config.rest import Paging
from retain.errors import NotLetIn, UserError
from retain.sources.http_client import AnswersAsSent, EarlyToken, hooks_of, in_sentences
from retain.sources.http_pace import Spent
from retain.sources.http_paginators import paginator_of, params_of
from retain.sources.http_records import Record, with_related
from retain.sources.http_remarks import remarks_of
from retain.sources.json_paths import value_at


@dataclass
class Walk:
    """Where a walk through pages stands: the next request, as JSON can keep it. `number` is its page, from 1."""

    url: str
    params: dict[str, Any]
    number: int = 1

    def kept(self) -> dict[str, Any]:
        return {"url": self.url, "params": self.params, "number": self.number}


@dataclass(frozen=True)
class Page:
    """The records of one page; what was asked for it, without secrets; and where to go on, None after the last one."""

    records: list[Record]
    asked: str
    number: int
    next: Walk | None
    reached: str | None = None  # the cursor behind the page, also where no page follows
    told: tuple[str, ...] = ()  # what the answer says of itself that is to be told


@dataclass(frozen=True)
class Listing:
    """A list of a system, in pages. `shrinks`: its window has an end, so a record that changes meanwhile leaves it.

    `records` is where the list is in an answer, `keys` where a record's key is; `only_first` are the parameters that are not
    sent again beside a cursor; `related` is where the answer lists what records refer to; `body` is sent with each request, in
    it the parameters that it names; `form` are those that are sent as a form. `tell` and `reserve` are what to look for in
    each answer, by path: see `remarks_of`.
    """

    client: AnswersAsSent
    paging: Paging
    records: str | None
    keys: list[str]
    shrinks: bool
    only_first: tuple[str, ...] = ()
    related: str | None = None
    body: str | None = None
    form: tuple[str, ...] | None = None
    tell: Mapping[str, str] = field(default_factory=dict)
    reserve: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_read_backwards(self) -> bool:
        """Numbered pages of a list that shrinks: what leaves a page that was read moves everything behind it forward, and a
        record passes unseen from the next page into this one. From the last page to the first, it is only seen twice."""
        paging = self.paging
        return self.shrinks and paging.style in ("page", "offset") and not (paging.more or paging.end or paging.total)


def pages_of(listing: Listing, start: Walk) -> Iterator[Page]:
    """Every page from `start` on. A token that has ended early is renewed once a page; nothing else is asked twice here.

    Raises UserError for a page that repeats, and whatever the client raises.
    """
    at, met, renewed_at = deepcopy(start), set[bytes](), 0
    client = listing.client
    walk = _walked_backwards if listing.is_read_backwards else _walked
    while True:
        try:
            for page in walk(listing, at):
                _refuse_repetition(client.name, page, listing.keys, met)
                yield page
                if page.next is None:
                    return
                at = page.next
            return
        except NotLetIn:
            if not isinstance(client.auth, EarlyToken) or renewed_at == at.number:
                raise
            client.auth.renew()
            renewed_at = at.number


def _walked_backwards(listing: Listing, start: Walk) -> Iterator[Page]:
    """Numbered pages from the last one to the first. The last one is found by doubling and halving."""
    paging = listing.paging
    first = paging.first if paging.style == "page" else 0
    name = paging.param or paging.style

    def page_at(place: int, number: int) -> Page:
        at = Walk(
            start.url, {**start.params, name: first + place if paging.style == "page" else place * (paging.size or 1)}
        )
        one = next(_walked(replace(listing, paging=Paging()), replace(at, number=number)))
        before = {**at.params, name: at.params[name] - (1 if paging.style == "page" else paging.size or 1)}
        return replace(one, next=Walk(start.url, before, number + 1) if place > 0 else None)

    if name in start.params:
        step = 1 if paging.style == "page" else paging.size or 1
        place = (int(start.params[name]) - first) // step
    else:
        place = _last_place(lambda place: page_at(place, start.number), listing)
    for number, at in enumerate(range(place, -1, -1), start.number):
        yield page_at(at, number)


def _last_place(page_at: Callable[[int], Page], listing: Listing) -> int:
    """Which page, counted from 0, is the last one with records; 0 where none has."""
    low, high, met = 0, 1, set[bytes]()
    while (page := page_at(high)).records:
        _refuse_repetition(listing.client.name, page, listing.keys, met)
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if page_at(middle).records else (low, middle)
    return low


def _walked(listing: Listing, start: Walk) -> Iterator[Page]:
    client, paging = listing.client, listing.paging
    number, asked = start.number, shown_request(start.url, start.params)
    with in_sentences(client.name, client.base_url):
        for found in client.paginate(
            start.url,
            "POST" if listing.body or listing.form else "GET",
            params=dict(start.params) or None,
            data=listing.body or listing.form,
            paginator=paginator_of(paging, start.params, listing.only_first),
            data_selector=listing.records or "",
            hooks=hooks_of(client),
            allow_redirects=False,
        ):
            more = found.paginator.has_next_page
            url = client.at_url(without_secret(str(found.request.url), client)) if more else ""
            if more:
                found.request.url = url  # the client's auth adds it again
            after = Walk(url, params_of(found.request), number + 1) if more else None
            cursor = getattr(found.paginator, "_next_reference", None)
            records = list(found)
            if listing.related is not None:
                others = client.extract_response(found.response, listing.related) if records else []
                records = with_related(records, others)
            remarks = remarks_of(found.response, listing.tell, listing.reserve)
            yield Page(records, asked, number, after, str(cursor) if cursor else None, remarks.told)
            if after is not None and remarks.used_up:
                raise Spent(client.name, remarks.used_up)
            if after is not None:
                number, asked = after.number, shown_request(after.url, after.params)


def without_secret(url: str, client: AnswersAsSent) -> str:
    """A link of the system without the key that it may repeat."""
    name = getattr(client.auth, "name", None) if getattr(client.auth, "location", "") == "query" else None
    if name is None or f"{name}=" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([(k, v) for k, v in parse_qsl(parts.query, True) if k != name])))


def shown_request(url: str, params: dict[str, Any]) -> str:
    """A request as it is kept beside its records: path and parameters; what is secret is in neither."""
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode(params)]))
    return f"{parts.path}?{query}" if query else parts.path


def _refuse_repetition(name: str, page: Page, keys: Iterable[str], met: set[bytes]) -> None:
    """A system that does not understand the parameter of the page sends the first one for ever."""
    if not page.records:
        return
    digest = hashlib.blake2b(digest_size=16)
    for record in page.records:
        key = [value_at(record.values, path) for path in keys]
        digest.update((repr(key) if key and None not in key else record.text).encode("utf-8", "replace"))
        digest.update(b"\0")
    if digest.digest() in met:
        raise UserError(
            f"Source {name}: page {page.number} holds the same {len(page.records):,} records as one before it, so the pages "
            "never end.",
            hint="Check `paging`: the name of its parameter, and where the next page is found.",
        )
    met.add(digest.digest())
