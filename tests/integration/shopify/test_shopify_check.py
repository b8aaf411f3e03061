"""`retain sources check` says in a sentence what is wrong with a Shopify app: its secret, scopes, shop, version, people."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from vendors.server import Answer
from vendors.shopify import SECRET, TOKEN, customer

from retain.cli.app import app

DAY = datetime(2025, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def run(shop, capsys):
    def run(*arguments):
        code = 0
        try:
            app(["sources", *arguments, "--config", str(shop.settings.path)], standalone_mode=False)
        except SystemExit as ending:
            code = ending.code
        printed = capsys.readouterr().out
        assert not any(secret in printed for secret in (SECRET, TOKEN, "shpat_", "s3cret"))
        return code, printed

    return run


def by_token(shop, monkeypatch):
    monkeypatch.setenv("SHOPIFY_TOKEN", TOKEN)
    shop.configure(
        "    client_id: ${SHOPIFY_CLIENT_ID}\n    client_secret: ${SHOPIFY_CLIENT_SECRET}\n",
        "    token: ${SHOPIFY_TOKEN}\n",
    )


def test_an_app_that_may_do_everything_is_good(shop, run):
    code, printed = run("check")
    assert code == 0, printed
    assert "offers customers, products, orders, order_items, returns" in printed


def test_an_access_token_lets_in_and_a_wrong_one_does_not(shop, run, monkeypatch):
    by_token(shop, monkeypatch)
    assert run("check")[0] == 0
    shop.vendor.tokens = ["another"]
    code, printed = run("check")
    assert (code, "does not accept the credentials (401: [API] Invalid API key or access token" in printed) == (2, True)
    assert printed.count("✗") == 1


def test_a_token_that_shopify_ends_before_its_time_is_renewed(shop, run):
    shop.load_one("customers")
    shop.vendor.instead[len(shop.vendor.requests) + 2] = lambda request: shop.vendor.tokens.clear()
    assert shop.load_one("customers").status == "published"


def test_a_missing_scope_is_named(shop, run):
    shop.vendor.scopes.remove("read_products")
    code, printed = run("check")
    assert (code, "Required access: `read_products` access scope" in " ".join(printed.split())) == (2, True), printed
    failed = shop.load_one("products")
    assert (failed.status, "ACCESS_DENIED" in failed.message) == ("unreadable", True)


def test_an_app_that_sees_sixty_days_alone_is_told_so(shop, run):
    shop.vendor.scopes.remove("read_all_orders")
    code, printed = run("check")
    assert code == 0
    assert "the orders of the last 60 days alone" in " ".join(printed.split())


def test_an_app_that_may_not_see_people_is_told_by_check_and_by_the_load(shop, run):
    for number in range(1, 13):
        shop.vendor.put("customers", customer(number), DAY)
    shop.vendor.may_see_people = False
    assert "protected customer data" in " ".join(run("check")[1].split())
    outcome = shop.load_one("customers")
    assert outcome.status == "published"
    assert any("none of 12 customers has a value at" in words for words in shop.ask("select message from ops.loads")[0])


def test_another_version_than_the_one_that_was_asked_is_told(shop, run):
    shop.vendor.version = "2027-10"
    assert "version 2027-10 of its API" in " ".join(shop.load_one("customers").warnings)
    code, printed = run("check")
    assert (code, "answers in version 2027-10 of its API, and was asked in 2026-10" in " ".join(printed.split())) == (
        0,
        True,
    )


def test_a_field_that_a_version_does_not_have_is_named(shop, run):
    error = b'{"errors": [{"message": "Field \'x\' doesn\'t exist on type \'Order\'", "extensions": {"code": "undefinedField"}}]}'
    shop.vendor.always = lambda request: None if "oauth" in request.path else Answer(error)
    code, printed = run("check", "shopify")
    assert (code, "Field 'x' doesn't exist on type 'Order'" in " ".join(printed.split())) == (2, True), printed


def test_a_shop_that_does_not_exist_is_told(shop, run, monkeypatch):
    by_token(shop, monkeypatch)
    shop.vendor.always = lambda request: Answer(b'{"errors":"Not Found"}', 404)
    code, printed = run("check")
    assert (
        code,
        "there is no shop at" in printed,
        "what stands before .myshopify.com" in " ".join(printed.split()),
    ) == (2, True, True)


def test_a_clock_that_is_ten_minutes_off_is_told(shop, run):
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)

    def late(request):
        answer = shop.vendor.answer(request)
        return Answer(answer.body, answer.status, {**answer.headers, "date": date})

    shop.vendor.always = late
    assert "clock and this machine's are 10 minutes apart" in " ".join(run("check")[1].split())


def test_a_preview_asks_for_a_page_and_begins_no_bulk_operation(shop, run):
    printed = run("preview", "shopify", "order_items")[1]
    assert '"__parentId": "gid://shopify/Order/' in printed.replace("\n", "")
    assert '"amount": "100.00"' in " ".join(printed.split())
    assert shop.vendor.operations == {}
    shop.vendor.things["orders"].clear()
    assert "has no returns yet" in run("preview", "shopify", "returns")[1]


def test_a_reset_makes_the_next_load_read_everything(shop, run):
    shop.load_one("customers")
    assert shop.load_one("customers").rows_sent == 0
    assert "the next load reads everything" in run("reset", "shopify", "--entity", "customers")[1]
    assert shop.load_one("customers").rows_sent == 3
