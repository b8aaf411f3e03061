"""The vendors of `retain bench sources`: records as each sends them, and how programs of Retain's and dlt's ask for them."""

import gzip
import io
import json
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bench.exports import Vendor
from retain.sources.shopify_entities import VERSION

LIST = 5000  # records of a list that dlt is given
FILES = 24  # in an archive, as of the hours of a day
FIRST_DAY = "2025-01-06"  # the file is the answer to what begins with it
FIRST_HOUR = f"{FIRST_DAY.replace('-', '')}T00"
ENTITIES = f"entities:\n      visits:\n        export: {{first_day: {FIRST_DAY}, at_once: 5000}}\n"


def _shopify_source(url: str) -> str:
    return f"type: shopify\n    shop: bench\n    url: {url}\n    token: none\n    settle_minutes: 0\n    entities:\n      orders:\n"


def _shopify_order(number: int) -> str:
    """An order as a bulk operation sends it for what Retain asks for, about eight hundred bytes."""
    goods, day = (
        f"{10 + number % 9973 / 100:.2f}",
        f"2025-{1 + number % 12:02}-{1 + number % 28:02}T{number % 24:02}:15:00Z",
    )
    money = f'{{"shopMoney": {{"amount": "{goods}", "currencyCode": "EUR"}}}}'
    small = '{"shopMoney": {"amount": "1.90", "currencyCode": "EUR"}}'
    customer = f'{{"id": "gid://shopify/Customer/{number % 200_000}"}}' if number % 3 else "null"
    return (
        f'{{"id": "gid://shopify/Order/{number}", "legacyResourceId": "{number}", "name": "#{number}", "createdAt": "{day}", '
        f'"processedAt": "{day}", "updatedAt": "{day}", "cancelledAt": null, "test": false, "displayFinancialStatus": "PAID", '
        f'"currencyCode": "EUR", "sourceName": "web", "email": "c{number % 200_000}@example.am", "phone": null, '
        f'"customer": {customer}, "shippingAddress": {{"countryCodeV2": "AM", "provinceCode": "ER"}}, "taxesIncluded": false, '
        f'"subtotalPriceSet": {money}, "totalTaxSet": {small}, "totalPriceSet": {money}, '
        f'"shippingLine": {{"originalPriceSet": {small}, "discountedPriceSet": {small}, "taxLines": []}}, '
        f'"totalDiscountsSet": {small}, "totalShippingPriceSet": {small}}}'
    )


def _shopify_answer(posted: bytes, facts: dict[str, Any]) -> Any:
    if b"bulkOperationRunQuery" in posted:
        operation = {"id": "gid://shopify/BulkOperation/1", "status": "CREATED"}
        return {"data": {"bulkOperationRunQuery": {"bulkOperation": operation, "userErrors": []}}}
    node = {
        "id": "gid://shopify/BulkOperation/1",
        "status": "COMPLETED",
        "objectCount": str(facts["records"]),
        "rootObjectCount": str(facts["records"]),
        "fileSize": str(facts["bytes"]),
        "url": facts["url"],
    }
    return {"data": {"node": node}}


def _shopify_by_dlt(url: str) -> Iterator[list[Any]]:
    """As dlt's users write it: the same three questions, the file as it streams, in lists of a few thousand records."""
    from dlt.sources.helpers import requests

    address = f"{url}/admin/api/{VERSION}/graphql.json"
    requests.post(address, json={"query": "mutation { bulkOperationRunQuery }"}).raise_for_status()
    found = requests.post(address, json={"query": "{ node }"}).json()["data"]["node"]
    yield from _lists(requests.get(found["url"], stream=True).iter_lines())


def _lists(lines: Iterable[bytes]) -> Iterator[list[Any]]:
    records = map(json.loads, lines)
    while some := list(islice(records, LIST)):
        yield some


def _mixpanel_source(url: str) -> str:
    return (
        f"type: mixpanel\n    url: {url}/api/2.0\n    project: '7'\n    user: bench\n    secret: none\n    timezone: UTC\n"
        f"    first_day: {FIRST_DAY}\n    {ENTITIES}"
    )


def _moment(number: int) -> int:
    """Seconds since 1970, of a month."""
    return 1_736_121_600 + number % 2_592_000


def _mixpanel_event(number: int) -> str:
    """A page view of a web shop as Mixpanel exports it, about nine hundred bytes."""
    visitor, moment = number % 200_000, _moment(number)
    user = f', "$user_id": "{visitor}"' if number % 3 else ""
    return (
        f'{{"event": "Page View", "properties": {{"time": {moment}, "distinct_id": "$device:18c2-{visitor}", '
        f'"$browser": "Chrome", "$browser_version": 131, "$city": "Yerevan", "$current_url": '
        f'"https://shop.example/product/{number % 9973}?utm_source=letter&utm_campaign=May", "$device_id": "18c2-{visitor}", '
        f'"$initial_referrer": "$direct", "$initial_referring_domain": "$direct", "$insert_id": "{number:036d}", '
        f'"$lib_version": "2.56.0", "$mp_api_endpoint": "api-js.mixpanel.com", "$mp_api_timestamp_ms": {moment}120, '
        f'"$os": "Windows", "$referrer": "https://shop.example/", "$referring_domain": "shop.example", "$region": "Yerevan", '
        f'"$screen_height": 1080, "$screen_width": 1920{user}, "mp_country_code": "AM", "mp_lib": "web", '
        f'"mp_processing_time_ms": {moment}460, "mp_sent_by_lib_version": "2.56.0", "price": {10 + number % 997 / 100:.2f}, '
        f'"utm_campaign": "May", "utm_source": "letter"}}}}'
    )


def _mixpanel_by_dlt(url: str) -> Iterator[list[Any]]:
    """As dlt's users write it: the file as it streams."""
    from dlt.sources.helpers import requests

    days = {"from_date": FIRST_DAY, "to_date": FIRST_DAY}
    yield from _lists(requests.get(f"{url}/api/2.0/export", params=days, stream=True).iter_lines())


def _amplitude_source(url: str) -> str:
    return f"type: amplitude\n    url: {url}/api/2\n    key: bench\n    secret: none\n    first_day: {FIRST_DAY}\n    {ENTITIES}"


def _amplitude_event(number: int) -> str:
    """A page view of a web shop as Amplitude exports it, about thirteen hundred bytes."""
    visitor, moment = number % 200_000, time.gmtime(_moment(number))
    at, user = time.strftime("%Y-%m-%d %H:%M:%S.120000", moment), f'"{visitor}"' if number % 3 else "null"
    return (
        f'{{"$insert_id": "{number:036d}", "$insert_key": null, "$schema": null, "adid": null, "amplitude_attribution_ids": null, '
        f'"amplitude_event_type": null, "amplitude_id": {880_000_000_000 + visitor}, "app": 187520, "city": "Yerevan", '
        f'"client_event_time": "{at}", "client_upload_time": "{at}", "country": "Armenia", "data": {{"path": "/2/httpapi", '
        f'"user_properties_updated": true, "group_first_event": {{}}, "group_ids": {{}}}}, "data_type": "event", '
        f'"device_brand": null, "device_carrier": null, "device_family": "Windows", "device_id": "18c2-{visitor}", '
        f'"device_manufacturer": null, "device_model": null, "device_type": "Windows", "dma": null, "event_id": {number % 5000}, '
        f'"event_properties": {{"path": "/product/{number % 9973}", "price": {10 + number % 997 / 100:.2f}}}, '
        f'"event_time": "{at}", "event_type": "Page View", "group_properties": {{}}, "groups": {{}}, "idfa": null, '
        f'"ip_address": "127.0.0.1", "is_attribution_event": false, "language": "Armenian", "library": "amplitude-ts/2.11.0", '
        f'"location_lat": null, "location_lng": null, "os_name": "Chrome", "os_version": "131", "partner_id": null, '
        f'"paying": null, "plan": {{}}, "platform": "Web", "processed_time": "{at}", "region": "Yerevan", "sample_rate": null, '
        f'"server_received_time": "{at}", "server_upload_time": "{at}", "session_id": {_moment(number) // 1800}000, '
        f'"start_version": null, "user_creation_time": "{at}", "user_id": {user}, "user_properties": {{"initial_utm_source": '
        f'"EMPTY", "utm_source": "letter", "utm_campaign": "May", "referrer": "EMPTY"}}, "uuid": "7c3e0a52-{number:028d}", '
        f'"version_name": null}}'
    )


def _amplitude_archive(path: Path) -> None:
    """The lines of a file as an archive of gzipped files, in its place."""
    packed = path.with_suffix(".zip")
    with path.open("rb") as lines, zipfile.ZipFile(packed, "w") as archive:
        most = path.stat().st_size // FILES
        for number in range(FILES + 1):
            part = gzip.compress(b"".join(lines.readlines(most)), compresslevel=1)
            archive.writestr(f"187520/187520_{FIRST_DAY}_{number}#0.json.gz", part)
    packed.replace(path)


def _amplitude_by_dlt(url: str) -> Iterator[list[Any]]:
    """As dlt's users write it: the archive into a temporary file, and its files one after the other."""
    from dlt.sources.helpers import requests

    hours = {"start": FIRST_HOUR, "end": FIRST_HOUR}
    with tempfile.TemporaryFile() as file:
        for chunk in requests.get(f"{url}/api/2/export", params=hours, stream=True).iter_content(1 << 20):
            file.write(chunk)
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as packed, gzip.GzipFile(fileobj=packed) as lines:
                    yield from _lists(io.BufferedReader(lines))


def _is_of_first_day(params: dict[str, str]) -> bool:
    return params.get("from_date") == FIRST_DAY


def _is_of_first_hour(params: dict[str, str]) -> bool:
    return params.get("start") == FIRST_HOUR


VENDORS = {
    "shopify": Vendor(_shopify_source, "orders", _shopify_order, _shopify_by_dlt, answer=_shopify_answer),
    "mixpanel": Vendor(_mixpanel_source, "visits", _mixpanel_event, _mixpanel_by_dlt, has=_is_of_first_day),
    "amplitude": Vendor(
        _amplitude_source, "visits", _amplitude_event, _amplitude_by_dlt, has=_is_of_first_hour, pack=_amplitude_archive
    ),
}
