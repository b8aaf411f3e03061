"""dlt's paginators as retain.yml asks for them: with flags, totals and parameters of the answer."""

from collections.abc import Mapping
from typing import Any

import requests
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)

from retain.config.rest import Paging
from retain.errors import OutOfReach
from retain.sources.http_answers import answer_of
from retain.sources.json_paths import value_at

ENDLESS = 2**62  # where a flag alone says which page is the last


class Flags:
    """A paginator that also heeds a flag of the answer: a link to the next page may be there on the last one."""

    more: str | None = None
    end: str | None = None
    _has_next_page: bool

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)  # type: ignore[misc]
        path = self.more or self.end
        if path is None:
            return
        flag = value_at(answer_of(response), path)
        if flag is None:
            raise OutOfReach(
                f"The answer has no {path}, which says whether there are more pages.", hint="Check `paging`."
            )
        if (str(flag).lower() in ("true", "1")) is (self.more is None):
            self._has_next_page = False


class Counted(Flags):
    """Pages by number or offset, of which the answer may say how many records they have together: each of them, or the first
    one alone. A walk that goes on in the middle, where none says it, ends with a page that is not full."""

    total: str | None = None
    counted: int | None = None
    size = 0
    is_resumed = False
    records_a_step = 1  # what one more of the number, or of the offset, stands for
    first = 0
    current_value: int

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        if self.total is None or not data:
            return
        found = value_at(answer_of(response), self.total)
        if str(found).isdigit():
            self.counted = int(str(found))
        if self.counted is None and not self.is_resumed:
            raise OutOfReach(
                f"The answer has no {self.total}, which says how many records there are.", hint="Check `paging`."
            )
        if self.counted is None:
            self._has_next_page &= len(data) >= self.size
        elif (self.current_value - self.first) * self.records_a_step >= self.counted:
            self._has_next_page = False


class FlaggedPage(Counted, PageNumberPaginator):
    carry: Mapping[str, str] = {}

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        self._carried = {name: value_at(answer_of(response), path) for name, path in self.carry.items()}

    def update_request(self, request: requests.Request) -> None:
        super().update_request(request)
        request.params = {**params_of(request), **getattr(self, "_carried", {})}


class FlaggedOffset(Counted, OffsetPaginator):
    pass


class FlaggedLink(Flags, JSONLinkPaginator):
    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        if not self._next_reference:  # an empty text is no link either
            self._has_next_page = False


class FlaggedCursor(Flags, JSONResponseCursorPaginator):
    only_first: tuple[str, ...] = ()  # parameters that a cursor takes the place of

    def update_request(self, request: requests.Request) -> None:
        super().update_request(request)
        left_out = {*self.only_first} - {self.cursor_param}
        request.params = {name: value for name, value in params_of(request).items() if name not in left_out}


def paginator_of(paging: Paging, start: dict[str, Any], only_first: tuple[str, ...] = ()) -> BasePaginator:
    """dlt's paginator for a style of paging, ready to begin at the parameters `start`."""
    flagged = bool(paging.more or paging.end)
    made: BasePaginator
    if paging.style == "none":
        return SinglePagePaginator()
    if paging.style == "link_header":
        return HeaderLinkPaginator()
    if paging.style == "page":
        name = paging.param or "page"
        page = int(start.get(name, paging.first))
        made = FlaggedPage(
            paging.first,
            page,
            name,
            total_path=None,
            maximum_page=ENDLESS if flagged else None,
            stop_after_empty_page=not flagged,
        )
        made.total, made.carry = paging.total, paging.carry
        made.first, made.records_a_step = paging.first, paging.size or 1
        made.size, made.is_resumed = paging.size or 0, name in start
    elif paging.style == "offset":
        assert paging.size is not None
        name = paging.param or "offset"
        made = FlaggedOffset(
            paging.size,
            int(start.get(name, 0)),
            name,
            paging.size_param or "limit",
            total_path=None,
            maximum_offset=ENDLESS if flagged else None,
            stop_after_empty_page=not flagged,
        )
        made.total, made.size, made.is_resumed = paging.total, paging.size, name in start
    elif paging.style == "next_link":
        made = FlaggedLink(paging.next or "next")
    else:
        made = FlaggedCursor(paging.next or "next", paging.param or "cursor")
        made.only_first = only_first
    made.more, made.end = paging.more, paging.end
    return made


def params_of(request: requests.Request) -> dict[str, Any]:
    params: Any = request.params
    return dict(params or {})
