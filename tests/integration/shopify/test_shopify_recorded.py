"""Answers as Shopify sends them, byte by byte, and a file of a bulk operation where it is: at another host."""

from vendors.recorded import Exchange, Recorded
from vendors.server import running

from retain import loads, warehouse
from retain.config import load_settings
from retain.sources import shopify_bulk


def test_an_order_of_shopify_is_read_from_a_file_at_another_host_that_is_told_no_secret(write_config, monkeypatch):
    """The counts are texts, the slashes of ids are escaped, and the file is Google's."""
    monkeypatch.setattr(shopify_bulk, "FIRST_POLL_SECONDS", 0.01)

    def money(amount):
        return f'{{"shopMoney":{{"amount":"{amount}","currencyCode":"EUR"}}}}'

    tax = f'"taxLines":[{{"rate":0.18,"priceSet":{money("496.76")}}}]'
    text = (
        r'{"id":"gid:\/\/shopify\/Order\/5364772370000","legacyResourceId":"5364772370000","name":"#1005",'
        '"createdAt":"2024-01-12T07:42:45Z","processedAt":"2024-01-12T07:42:44Z","updatedAt":"2024-01-12T09:36:00Z",'
        '"cancelledAt":null,"test":true,"displayFinancialStatus":"PAID","currencyCode":"EUR","sourceName":"web",'
        r'"email":"r@x.am","phone":null,"customer":{"id":"gid:\/\/shopify\/Customer\/6971943250000"},'
        '"shippingAddress":{"countryCodeV2":"IN","provinceCode":"TS"},"taxesIncluded":false,'
        f'"subtotalPriceSet":{money("2759.8")},"totalTaxSet":{money("496.76")},"shippingLine":{{"originalPriceSet":'
        f'{money("50.0")},"discountedPriceSet":{money("0.0")},"taxLines":[]}},"totalPriceSet":{money("3256.56")},'
        f'"totalDiscountsSet":{money("50.0")},"totalShippingPriceSet":{money("50.0")}}}\n'
    )
    line = (
        r'{"id":"gid:\/\/shopify\/LineItem\/13347497050000","title":"Snowboard","quantity":2,"isGiftCard":false,'
        r'"variant":{"id":"gid:\/\/shopify\/ProductVariant\/44843037910000"},'
        f'"product":null,"originalTotalSet":{money("2759.8")},"discountAllocations":[],{tax},'
        r'"__parentId":"gid:\/\/shopify\/Order\/5364772370000"}' + "\n"
    )
    parent = r'{"id":"gid:\/\/shopify\/Order\/5364772370000","updatedAt":"2024-01-12T09:36:00Z"}' + "\n"
    files = Recorded(
        Exchange("/shopify/orders", text.encode(), content_type="application/jsonl"),
        Exchange("/shopify/lines", (line + parent).encode(), content_type="application/jsonl"),
    )
    with running(files), running(Recorded()) as api:
        path, cost = "/admin/api/2026-10/graphql.json", {"cost": {"requestedQueryCost": 10, "actualQueryCost": 10}}
        for name, told, objects, size in (
            ("orders", b"totalPriceSet", 1, len(text)),
            ("lines", b"lineItems", 2, len(line + parent)),
        ):
            number = f"gid://shopify/BulkOperation/72091{objects}"
            begun = {"bulkOperation": {"id": number, "status": "CREATED"}, "userErrors": []}
            done = {
                "id": number, "status": "COMPLETED", "errorCode": None, "objectCount": str(objects), "rootObjectCount": "1",
                "fileSize": str(size), "url": f"{files.url}/shopify/{name}?GoogleAccessId=assets&Expires=1", "partialDataUrl": None,
            }  # fmt: skip
            api.exchanges += [
                Exchange(path, {"data": {"bulkOperationRunQuery": begun}, "extensions": cost}, words=told),
                Exchange(path, {"data": {"node": done}, "extensions": cost}, words=number.encode()),
            ]
        lines = (
            "type: shopify",
            "shop: shop",
            f"url: {api.url}",
            "token: shpat_secret",
            "entities: {orders: , order_items: }",
        )
        settings = load_settings(write_config("  - name: one\n" + "".join(f"    {one}\n" for one in lines)))
        warehouse.prepare(settings)
        outcomes = [loads.load_entity(settings, "one", entity) for entity in ("orders", "order_items")]
    assert [(one.status, one.rows_sent, one.rows_quarantined) for one in outcomes] == [("published", 1, 0)] * 2, (
        outcomes
    )
    with warehouse.connect(settings) as connection:
        assert connection.execute(
            "select order_id, customer_id, gross_amount::text, discount_amount::text, tax_amount::text, shipping_amount::text, "
            "is_test from raw.orders"
        ).fetchall() == [("5364772370000", "6971943250000", "2759.8000", "0.0000", "496.7600", "0.0000", True)]
        assert connection.execute(
            "select order_id, line_id, product_id, quantity::int, gross_amount::text from raw.order_items"
        ).fetchall() == [("5364772370000", "13347497050000", "44843037910000", 2, "2759.8000")]
    assert len(files.requests) == 2
    assert not any("shpat_secret" in str(request.headers) for request in files.requests)
