"""What is asked of Shopify for each entity, and how its records become Retain's fields: selections, scopes, mappings."""

from dataclasses import dataclass

# Of the GraphQL Admin API; each is served for a year at least, then a newer one answers in its place.
VERSION = "2026-10"

MONEY = "{ shopMoney { amount currencyCode } }"  # what the shop books, not what the customer was shown
TAXES = f"taxLines {{ rate priceSet {MONEY} }}"
CHILDREN_SHOWN = 2
ONCE = "limit 1"  # behind a select of one row: else PostgreSQL would work out each of its values wherever it is named
ORDER_PRICES = f"taxesIncluded subtotalPriceSet {MONEY} totalTaxSet {MONEY}"


@dataclass(frozen=True)
class Shape:
    """One entity: the records are the nodes of `connection`, or those of the connection `children` in each of them, or the
    things of the list `each` in each of them that have the value `only[1]` at `only[0]`.

    A child comes as a line of its own, that names its parent in `__parentId`; a thing of a list with its node as `parent`:
    a connection inside a list is more than a bulk operation answers. `fields` and `where` are as retain.yml would write
    them; `counts` says of a thing whether `where` lets it through. `people` are the paths that Shopify leaves empty for an
    app that may not see who the customers are.
    """

    connection: str
    selection: str
    fields: dict[str, str]
    scopes: tuple[str, ...]
    children: str | None = None
    each: str | None = None
    only: tuple[str, str] | None = None
    counts: tuple[str, str] | None = None
    where: str | None = None
    people: tuple[str, ...] = ()
    key_selection: str = "id"
    is_keyed_by_parent: bool = False


def _number(path: str) -> str:
    """The number that an id of Shopify's ends with: gid://shopify/Order/1001."""
    return f"""split_part("{path}", '/', 5)"""


def _money(path: str) -> str:
    return f'"{path}.shopMoney.amount"::numeric'


def _sum(path: str, value: str) -> str:
    """The sum of what stands at `value` in each thing of a list; 0 of an empty one, and where there is none."""
    things = f"json_array_elements(coalesce(\"{path}\", '[]')::json) as one"
    return f"(select coalesce(sum((one #>> '{{{value}}}')::numeric), 0) from {things})"


def _goods_tax(prefix: str = "") -> str:
    shipping_tax = _sum(f"{prefix}shippingLine.taxLines", "priceSet,shopMoney,amount")
    return f"coalesce({_money(prefix + 'totalTaxSet')}, 0) - {shipping_tax}"


def _of_order(value: str) -> str:
    """`value` without the tax that the prices of an order's goods hold, where they hold it."""
    paid = _money("subtotalPriceSet")
    return (
        f"case when \"taxesIncluded\" = 'true' and {paid} > 0 then round({value} * (1 - ({_goods_tax()}) / {paid}), 4) "
        f"else {value} end"
    )


def _of_line(value: str) -> str:
    """`value` without the tax that it holds. A line does not say whether its price holds the tax: the tax is the rate of
    what was paid, or the rate of what is left of it without the tax, and whichever is nearer it is."""
    paid = f"{_money('originalTotalSet')} - {_sum('discountAllocations', 'allocatedAmountSet,shopMoney,amount')}"
    return (
        f"(select case when paid > 0 and abs(tax - paid * rate) > abs(tax - paid * rate / (1 + rate)) "
        f"then round(({value}) * (1 - tax / paid), 4) else {value} end "
        f"from (select {paid} as paid, {_sum('taxLines', 'priceSet,shopMoney,amount')} as tax, "
        f"{_sum('taxLines', 'rate')} as rate {ONCE}) as line)"
    )


# `totalDiscountsSet` are all discounts, those of shipping among them; `totalShippingPriceSet` is before any. Of several shipping
# lines the one that is told is not the whole of it.
_SHIPPING_OFF = f"coalesce({_money('shippingLine.originalPriceSet')} - {_money('shippingLine.discountedPriceSet')}, 0)"
_GOODS_OFF = f"coalesce({_money('totalDiscountsSet')}, 0) - {_SHIPPING_OFF}"
_SHIPPING = (
    f"greatest({_money('totalShippingPriceSet')} - {_SHIPPING_OFF}, {_money('shippingLine.discountedPriceSet')})"
)

# What was paid back is with tax, and with shipping where that was paid back too; a return is of the goods.
_REFUND = f"""
(select round(amount * (1 - case when refunded > 0 then least(shipping / refunded, 1) else 0 end)
   * case when paid <= 0 or paid + tax <= 0 then 1
          when "parent.taxesIncluded" = 'true' then 1 - tax / paid else paid / (paid + tax) end, 4)
 from (select {_money("item.amountSet")} as amount, {_money("parent.totalRefundedSet")} as refunded,
   {_money("parent.totalRefundedShippingSet")} as shipping, coalesce({_money("parent.subtotalPriceSet")}, 0) as paid,
   {_goods_tax("parent.")} as tax {ONCE}) as refund)
""".strip()

SHAPES: dict[str, Shape] = {
    "customers": Shape(
        "customers",
        "id legacyResourceId createdAt updatedAt firstName lastName defaultEmailAddress { emailAddress marketingState } "
        "defaultPhoneNumber { phoneNumber } defaultAddress { countryCodeV2 provinceCode city }",
        {
            "customer_id": _number("id"),
            "email": "defaultEmailAddress.emailAddress",
            "phone": "defaultPhoneNumber.phoneNumber",
            "full_name": "concat_ws(' ', firstName, lastName)",
            "country": "defaultAddress.countryCodeV2",
            "region": "defaultAddress.provinceCode",
            "city": "defaultAddress.city",
            "accepts_marketing": "\"defaultEmailAddress.marketingState\" = 'SUBSCRIBED'",
            "registered_at": "createdAt",
            "changed_at": "updatedAt",
        },
        ("read_customers",),
        people=("defaultEmailAddress.emailAddress", "defaultPhoneNumber.phoneNumber", "firstName", "lastName"),
    ),
    "products": Shape(
        "products",
        "id legacyResourceId title sku price updatedAt product { id title productType isGiftCard updatedAt "
        "priceRangeV2 { minVariantPrice { currencyCode } } }",
        {
            "product_id": _number("id"),
            "name": "concat_ws(' – ', \"product.title\", nullif(title, 'Default Title'))",
            "category": "nullif(\"product.productType\", '')",
            "price": "price",
            "currency": "product.priceRangeV2.minVariantPrice.currencyCode",
            "is_gift_card": "product.isGiftCard",
            "changed_at": 'greatest("updatedAt", "product.updatedAt")',
        },
        ("read_products",),
        children="variants",
    ),
    "orders": Shape(
        "orders",
        "id legacyResourceId name createdAt processedAt updatedAt cancelledAt test displayFinancialStatus currencyCode "
        f"sourceName email phone customer {{ id }} shippingAddress {{ countryCodeV2 provinceCode }} {ORDER_PRICES} "
        f"shippingLine {{ originalPriceSet {MONEY} discountedPriceSet {MONEY} {TAXES} }} "
        f"totalPriceSet {MONEY} totalDiscountsSet {MONEY} totalShippingPriceSet {MONEY}",
        {
            "order_id": _number("id"),
            "customer_id": _number("customer.id"),
            "email": "email",
            "phone": "phone",
            "ordered_at": "processedAt",
            "status": "case when cancelledAt is not null then 'cancelled' when displayFinancialStatus in ('AUTHORIZED', "
            "'PARTIALLY_PAID') then 'pending' when displayFinancialStatus = 'EXPIRED' then 'voided' "
            "else lower(displayFinancialStatus) end",
            "currency": "subtotalPriceSet.shopMoney.currencyCode",
            "gross_amount": _of_order(f"({_money('subtotalPriceSet')} + {_GOODS_OFF})"),
            "discount_amount": _of_order(f"({_GOODS_OFF})"),
            "tax_amount": "totalTaxSet.shopMoney.amount",
            "shipping_amount": f"{_SHIPPING} - case when \"taxesIncluded\" = 'true' then "
            f"{_sum('shippingLine.taxLines', 'priceSet,shopMoney,amount')} else 0 end",
            "channel": "sourceName",
            "region": "shippingAddress.provinceCode",
            "is_test": "test",
            "changed_at": "updatedAt",
        },
        ("read_orders", "read_customers"),
        people=("email", "phone", "shippingAddress.provinceCode"),
    ),
    "order_items": Shape(
        "orders",
        f"id title quantity isGiftCard variant {{ id }} product {{ id }} originalTotalSet {MONEY} "
        f"discountAllocations {{ allocatedAmountSet {MONEY} }} {TAXES}",
        {
            "order_id": _number("__parentId"),
            "line_id": _number("id"),
            "product_id": _number("variant.id"),
            "quantity": "quantity",
            "gross_amount": _of_line(_money("originalTotalSet")),
            "discount_amount": _of_line(_sum("discountAllocations", "allocatedAmountSet,shopMoney,amount")),
        },
        ("read_orders", "read_products"),
        children="lineItems",
        is_keyed_by_parent=True,
    ),
    "returns": Shape(
        "orders",
        f"id updatedAt {ORDER_PRICES} shippingLine {{ {TAXES} }} totalRefundedSet {MONEY} totalRefundedShippingSet {MONEY} "
        f"transactions {{ id kind status createdAt processedAt amountSet {MONEY} }}",
        {
            "return_id": _number("item.id"),
            "order_id": _number("parent.id"),
            "returned_at": 'coalesce("item.processedAt", "item.createdAt")',
            "amount": _REFUND,
            "changed_at": "parent.updatedAt",
        },
        ("read_orders",),
        each="transactions",
        only=("kind", "REFUND"),
        counts=("status", "SUCCESS"),
        where="\"item.status\" = 'SUCCESS'",
        key_selection="id transactions { id kind status }",
    ),
}


def query_of(shape: Shape, selection: str, search: str | None = None) -> str:
    """The query of a bulk operation, which gives every page of every connection."""
    if shape.children is not None:
        selection = f"id updatedAt {shape.children} {{ edges {{ node {{ {selection} }} }} }}"
    wanted = f'(sortKey: UPDATED_AT, query: "{search}")' if search else ""
    return f"{{ {shape.connection}{wanted} {{ edges {{ node {{ {selection} }} }} }} }}"


def newest_of(shape: Shape, selection: str, first: int) -> str:
    """The query of a page of those that changed last, with few children: a page costs by what it may hold."""
    if shape.children is not None:
        selection = f"id updatedAt {shape.children}(first: {CHILDREN_SHOWN}) {{ nodes {{ {selection} }} }}"
    return f"{{ {shape.connection}(first: {first}, sortKey: UPDATED_AT, reverse: true) {{ nodes {{ {selection} }} }} }}"
