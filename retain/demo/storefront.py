"""The shop's second storefront, on Shopify: from its opening on, whoever orders online from abroad orders there."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.demo.baskets import Lines, Returns
from retain.demo.catalogue import CATEGORIES, CURRENCIES, EUR
from retain.demo.clock import NEVER, last_before
from retain.demo.dice import Ints
from retain.demo.identities import NONE
from retain.demo.orders import CHANNELS
from retain.demo.shop import STATUSES, order_changed_at, order_statuses
from retain.demo.simulation import Simulation
from retain.demo.text import decimals, web_times

FIRST_ORDER, FIRST_CUSTOMER, FIRST_PRODUCT, FIRST_VARIANT = 5_000_001, 7_000_001, 3_000_000, 4_000_000
# Shopify's own codes of the places that are abroad.
PROVINCES = {
    "Tehran": "THR", "East Azerbaijan": "EAZ", "Isfahan": "ISF", "Île-de-France": "IDF", "Auvergne-Rhône-Alpes": "ARA",
    "Provence": "PAC", "Berlin": "BE", "Nordrhein-Westfalen": "NW", "Bayern": "BY", "Tbilisi": "TB", "Adjara": "AJ",
}  # fmt: skip
Things = list[dict[str, Any]]


@dataclass(frozen=True)
class Storefront:
    """What the storefront numbers: its orders as they arrive, and each account with the first of them."""

    rows: Ints  # among all orders
    order_id: Ints  # beside all orders; NONE for those of other systems, or not arrived yet
    accounts: Ints  # rows of the accounts that ordered here
    customer_id: Ints  # beside all accounts; NONE for the others


def storefront_of(simulation: Simulation) -> Storefront:
    """Number orders and customers, so that a later day only ever adds higher numbers."""
    orders = simulation.orders
    rows = np.flatnonzero(simulation.at_storefront & (orders.arrived_at < simulation.clock.cut))
    rows = rows[np.lexsort((orders.ref[rows], orders.arrived_at[rows]))]
    order_id = np.full(len(orders), NONE, dtype=np.int64)
    order_id[rows] = FIRST_ORDER + np.arange(len(rows))
    account = simulation.identified.account[rows]
    known, first = np.unique(account[account != NONE], return_index=True)
    accounts = known[np.argsort(first)]
    customer_id = np.full(len(simulation.accounts), NONE, dtype=np.int64)
    customer_id[accounts] = FIRST_CUSTOMER + np.arange(len(accounts))
    return Storefront(rows, order_id, accounts, customer_id)


def storefront_things(simulation: Simulation, storefront: Storefront) -> dict[str, Things]:
    """What its GraphQL Admin API knows, by connection, each thing with every field that may be asked for."""
    return {
        "customers": _customers(simulation, storefront),
        "products": _products(simulation),
        "orders": _orders(simulation, storefront),
    }


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def _money(amount: str | None) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": CURRENCIES[EUR]}}


def _customers(simulation: Simulation, storefront: Storefront) -> Things:
    accounts, cut, contacts = simulation.accounts.take(storefront.accounts), simulation.clock.cut, simulation.contacts
    of_row = simulation.identified.account[storefront.rows]
    _, first = np.unique(of_row[of_row != NONE], return_index=True)
    created_at = simulation.orders.arrived_at[storefront.rows[of_row != NONE][np.sort(first)]]
    left_at = np.where(accounts.opted_out_at < accounts.closed_at, accounts.opted_out_at, NEVER)
    changed = last_before(cut, created_at, left_at, accounts.closed_at)  # after the closing nothing changes
    wants = accounts.wants_mail & (accounts.opted_out_at >= cut) & (accounts.closed_at >= cut)
    names, places = contacts.names(accounts.person), contacts.places(accounts.person)
    rows = zip(
        storefront.customer_id[storefront.accounts].tolist(), *names, *places,
        contacts.addresses(accounts.person, accounts.email_slot), contacts.numbers(accounts.person, accounts.has_phone),
        wants.tolist(), (accounts.closed_at < cut).tolist(), web_times(created_at), web_times(np.maximum(changed, created_at)), strict=True,
    )  # fmt: skip
    return [
        {
            "id": gid("Customer", number), "legacyResourceId": str(number), "createdAt": created, "updatedAt": updated,
            "firstName": first_name, "lastName": last_name, "state": "DISABLED" if is_closed else "ENABLED",
            "defaultEmailAddress": {"emailAddress": email, "marketingState": "SUBSCRIBED" if wanted else "UNSUBSCRIBED"},
            "defaultPhoneNumber": {"phoneNumber": phone} if phone else None,
            "defaultAddress": {"countryCodeV2": country, "provinceCode": PROVINCES.get(region), "province": region, "city": city},
        }
        for number, first_name, last_name, country, region, city, email, phone, wanted, is_closed, created, updated in rows
    ]  # fmt: skip


def _products(simulation: Simulation) -> Things:
    """Every product has one variant."""
    catalogue, cut = simulation.catalogue, simulation.clock.cut
    every = np.arange(len(catalogue.products), dtype=np.int64)
    in_euro, now = np.full(len(every), EUR), np.full(len(every), cut - 1)
    rows = zip(
        catalogue.products.product_id.tolist(), catalogue.product_names(), catalogue.skus(),
        [CATEGORIES[category] for category in catalogue.products.category.tolist()],
        decimals(catalogue.prices(every, in_euro, now)), decimals(catalogue.costs(every, in_euro, now)),
        catalogue.products.is_gift_card.tolist(), web_times(catalogue.product_changed_at(cut)), strict=True,
    )  # fmt: skip
    things = []
    for number, name, sku, category, price, cost, is_gift_card, updated in rows:
        product = {
            "id": gid("Product", FIRST_PRODUCT + number), "title": name, "productType": category,
            "isGiftCard": is_gift_card, "updatedAt": updated,
            "priceRangeV2": {"minVariantPrice": {"currencyCode": CURRENCIES[EUR]}},
        }  # fmt: skip
        variant = {
            "id": gid("ProductVariant", FIRST_VARIANT + number), "legacyResourceId": str(FIRST_VARIANT + number),
            "title": "Default Title", "sku": sku, "price": price, "updatedAt": updated, "product": product,
            "inventoryItem": {"unitCost": {"amount": cost, "currencyCode": CURRENCIES[EUR]}},
        }  # fmt: skip
        things.append({**product, "variants": [variant]})
    return things


def _orders(simulation: Simulation, storefront: Storefront) -> Things:
    rows, cut, contacts = storefront.rows, simulation.clock.cut, simulation.contacts
    orders, identified = simulation.orders.take(rows), simulation.identified.take(rows)
    totals = simulation.totals.take(rows)
    has_account = identified.account != NONE
    customer = np.where(has_account, storefront.customer_id[identified.account], NONE)
    slot = np.where(has_account, simulation.accounts.email_slot[identified.account], identified.email_slot)
    cancelled_at = np.where(orders.ended_at < cut, orders.ended_at, NEVER)
    # A cancelled order stays at what was paid of it before.
    paid = np.where(orders.paid_at < cut, STATUSES.index("paid"), STATUSES.index("pending"))
    status = order_statuses(simulation)[rows]
    status = np.where(cancelled_at != NEVER, paid, status)
    lines, refunds = _lines_of(simulation, storefront), _refunds_of(simulation, storefront)
    columns = zip(
        rows.tolist(), storefront.order_id[rows].tolist(), customer.tolist(),
        contacts.addresses(orders.person, slot), contacts.numbers(orders.person, identified.has_phone),
        *contacts.places(orders.person), status.tolist(), orders.channel.tolist(),
        web_times(orders.at), web_times(orders.arrived_at), web_times(cancelled_at), web_times(order_changed_at(simulation)[rows]),
        decimals(totals.net), decimals(totals.discount), decimals(totals.tax), decimals(totals.shipping),
        decimals(totals.net + totals.tax + totals.shipping), strict=True,
    )  # fmt: skip
    things: Things = []
    for (
        row, number, of_customer, email, phone, country, region, city, what, channel, at, arrived, cancelled, updated,
        net, discount, tax, shipping, total,
    ) in columns:  # fmt: skip
        back = refunds.get(row, [])
        things.append({
            "id": gid("Order", number), "legacyResourceId": str(number), "name": f"#{number}", "test": False,
            "createdAt": arrived, "processedAt": at, "updatedAt": updated, "cancelledAt": cancelled,
            "displayFinancialStatus": STATUSES[what].upper(), "currencyCode": CURRENCIES[EUR], "sourceName": CHANNELS[channel],
            "email": email, "phone": phone, "customer": {"id": gid("Customer", of_customer)} if of_customer != NONE else None,
            "shippingAddress": {"countryCodeV2": country, "provinceCode": PROVINCES.get(region), "province": region, "city": city},
            "taxesIncluded": False, "subtotalPriceSet": _money(net), "totalDiscountsSet": _money(discount),
            "totalTaxSet": _money(tax), "totalShippingPriceSet": _money(shipping), "totalPriceSet": _money(total),
            "shippingLine": {"originalPriceSet": _money(shipping), "discountedPriceSet": _money(shipping), "taxLines": []},
            "totalRefundedShippingSet": _money("0.00"),
            "totalRefundedSet": _money(decimals(np.array([sum(amount for amount, _ in back)]))[0]),
            "transactions": [refund for _, refund in back], "lineItems": lines[row],
        })  # fmt: skip
    return things


def _lines_of(simulation: Simulation, storefront: Storefront) -> dict[int, Things]:
    """Row of an order to its lines. Nothing that leaves the country is taxed."""
    every = simulation.lines
    chosen: Lines = every.take(storefront.order_id[every.order] != NONE)
    names = simulation.catalogue.product_names()
    found: dict[int, Things] = {}
    for order, product, number, quantity, gross, discount in zip(
        chosen.order.tolist(), chosen.product.tolist(), chosen.number.tolist(), chosen.quantity.tolist(),
        decimals(chosen.gross), decimals(chosen.discount), strict=True,
    ):  # fmt: skip
        of_product = int(simulation.catalogue.products.product_id[product])
        found.setdefault(order, []).append({
            "id": gid("LineItem", int(storefront.order_id[order]) * 10 + number), "title": names[product], "quantity": quantity,
            "isGiftCard": bool(simulation.catalogue.products.is_gift_card[product]),
            "variant": {"id": gid("ProductVariant", FIRST_VARIANT + of_product)},
            "product": {"id": gid("Product", FIRST_PRODUCT + of_product)}, "originalTotalSet": _money(gross),
            "discountAllocations": [{"allocatedAmountSet": _money(discount)}] if discount != "0.00" else [], "taxLines": [],
        })  # fmt: skip
    return found


def _refunds_of(simulation: Simulation, storefront: Storefront) -> dict[int, list[tuple[int, dict[str, Any]]]]:
    """Row of an order to its refunds, in hundredths, and as transactions. They are numbered as they happen."""
    returns: Returns = simulation.returns.take(storefront.order_id[simulation.returns.order] != NONE)
    found: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    for number, (order, hundredths, amount, at) in enumerate(
        zip(
            returns.order.tolist(),
            returns.amount.tolist(),
            decimals(returns.amount),
            web_times(returns.at),
            strict=True,
        ),
        1,
    ):
        refund = {
            "id": gid("OrderTransaction", number), "kind": "REFUND", "status": "SUCCESS", "createdAt": at, "processedAt": at,
            "amountSet": _money(amount),
        }  # fmt: skip
        found.setdefault(order, []).append((hundredths, refund))
    return found
