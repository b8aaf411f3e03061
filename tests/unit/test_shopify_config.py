"""A `shopify` source of retain.yml: a shop, a secret and the names of entities are enough; what is wrong is said by line."""

import pytest

from retain.config import load_settings
from retain.errors import UserError
from retain.sources.shopify_entities import SHAPES

HEAD = """\
business: {timezone: UTC, reporting_currency: EUR}
sources:
  - name: shopify
    type: shopify
    shop: my-shop
    token: ${TOKEN}
    entities:
      customers:
      products: {}
      orders:
        fields: {region: shippingAddress.countryCodeV2}
        defaults: {channel: shopify}
      returns:
        where: "\\"item.kind\\" = 'REFUND'"
"""


@pytest.fixture
def load(tmp_path):
    def load(old="", new=""):
        assert old in HEAD
        path = tmp_path / "retain.yml"
        path.write_text(HEAD.replace(old, new))
        return load_settings(path, {"TOKEN": "open sesame", "SECRET": "hush"})

    return load


def test_what_retain_yml_does_not_say_is_known(load):
    source = load().source("shopify")
    assert source.entities["customers"].fields == SHAPES["customers"].fields
    orders = source.entities["orders"]
    assert orders.fields["region"] == "shippingAddress.countryCodeV2"
    assert orders.fields["status"] == SHAPES["orders"].fields["status"]
    assert ("channel" in orders.fields, orders.defaults) == (False, {"channel": "shopify"})
    assert source.entities["returns"].where == "\"item.kind\" = 'REFUND'"
    assert "open sesame" not in repr(source)


@pytest.mark.parametrize("shop", ["my-shop", "my-shop.myshopify.com"])
def test_a_shop_is_named_with_or_without_its_domain(load, shop):
    assert load("my-shop", shop).source("shopify").address == "https://my-shop.myshopify.com"


def test_a_client_takes_the_place_of_a_token(load):
    source = load("token: ${TOKEN}", "client_id: abc\n    client_secret: ${SECRET}").source("shopify")
    assert source.client_secret.get_secret_value() == "hush"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("shop: my-shop", "shop: https://my-shop.com", "5  sources.shopify.shop: found"),
        ("shop: my-shop", "shp: my-shop", "5  sources.shopify.shp: no such key"),
        ("    token: ${TOKEN}\n", "", "`token`, or `client_id` and `client_secret`, is needed"),
        ("token: ${TOKEN}", "client_id: abc", "`client_id` and `client_secret` are needed together"),
        ("token: ${TOKEN}", "token: a\n    client_id: abc", "both `token` and a client are given; keep one"),
        ("token: ${TOKEN}", "token: a\n    url: http://shop.example", "over http:// whoever is on the way reads"),
        ("      customers:", "      acquisition_costs:", "Shopify has none; allowed: customers, products, orders"),
        ("region: shipping", "regon: shipping", "did you mean region?"),
        ("products: {}", "products: {path: x}", "sources.shopify.entities.products.path: no such key"),
        ("channel: shopify", "order_id: x", "order_id is part of the key and differs in every row"),
    ],
)
def test_a_problem_is_told_with_its_line(load, old, new, words):
    with pytest.raises(UserError) as refusal:
        load(old, new)
    assert words in refusal.value.message
    assert "open sesame" not in refusal.value.message
