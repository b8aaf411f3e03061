"""Damages to amounts that stay good numbers: wrong unit, wrong sign, wrong currency, sums that do not add up."""

from decimal import Decimal

from bench.faults.catalogue.text import AMOUNTS, WITH_AMOUNTS
from bench.faults.night import Night, fault
from bench.faults.shop import CENT, Row, money

GOODS = ("products", "orders", "order_items", "returns")


def multiply(night: Night, rows: list[Row], factor: str) -> None:
    for row in rows:
        for name in AMOUNTS[night.entity]:
            row[name] = str((Decimal(row[name]) * Decimal(factor)).normalize() + 0)


@fault(*WITH_AMOUNTS)
def cents_for_euros(night: Night) -> None:
    """A new interface gives amounts in the smallest unit: 1250 for 12.50."""
    multiply(night, night.rows, "100")


@fault("orders")
def cents_for_euros_in_one_store(night: Night) -> None:
    """One till got the update that writes cents."""
    multiply(night, [row for row in night.rows if row["store"] == "Cascade"], "100")


@fault(*GOODS)
def cents_for_euros_in_a_few(night: Night) -> None:
    """One cashier types amounts without the point."""
    multiply(night, night.some(), "100")


@fault(*WITH_AMOUNTS)
def all_amounts_doubled(night: Night) -> None:
    """A join in the export's query meets two rows where there was one, and sums them."""
    multiply(night, night.rows, "2")


@fault(*WITH_AMOUNTS)
def all_amounts_zero(night: Night) -> None:
    """The export may no longer read the table of prices: 0 for all."""
    multiply(night, night.rows, "0")


@fault(*GOODS)
def a_few_amounts_zero(night: Night) -> None:
    """A price was not set up at the till: it rang up 0."""
    for row in night.some():
        row[AMOUNTS[night.entity][0]] = "0.00"


@fault(*WITH_AMOUNTS)
def signs_flipped(night: Night) -> None:
    """A bookkeeping export gives revenue as negative amounts."""
    multiply(night, night.rows, "-1")


@fault(*GOODS)
def a_few_signs_flipped(night: Night) -> None:
    """Cancellations at the till came in as negative sales, and payouts as positive ones."""
    multiply(night, night.some(), "-1")


@fault(*GOODS)
def decimals_lost(night: Night) -> None:
    """A column became an integer: 12.99 is 12."""
    for row in night.rows:
        for name in AMOUNTS[night.entity]:
            row[name] = str(int(Decimal(row[name])))


@fault("orders", "order_items")
def discount_larger_than_gross(night: Night) -> None:
    """A coupon of 50 was booked on a purchase of 20."""
    for row in night.some():
        row["discount_amount"] = str(Decimal(row["gross_amount"]) + 10)


@fault("orders", "order_items")
def discount_as_a_percentage(night: Night) -> None:
    """A new till writes 10 for ten per cent where the amount of the discount belongs."""
    for row in night.rows:
        row["discount_amount"] = "10"


@fault("orders", "order_items")
def gross_given_as_net(night: Night) -> None:
    """A new till subtracts the discount before it writes the gross amount."""
    for row in night.rows:
        row["gross_amount"] = str(Decimal(row["gross_amount"]) - Decimal(row["discount_amount"]))


@fault("orders", "order_items")
def tax_inside_the_amount(night: Night) -> None:
    """A setting of the till turned: prices now include 20 % tax."""
    for row in night.rows:
        row["gross_amount"] = money(Decimal(row["gross_amount"]) * Decimal("1.2"))


@fault("orders")
def order_total_not_the_sum_of_its_lines(night: Night) -> None:
    """A delivery fee was added to the goods of some orders."""
    for row in night.some():
        row["gross_amount"] = str(Decimal(row["gross_amount"]) + Decimal("7.50"))


@fault("orders")
def amounts_of_other_orders(night: Night) -> None:
    """Two lists were sorted differently before they were put side by side: every amount stands at another order."""
    amounts = [(row["gross_amount"], row["discount_amount"]) for row in night.rows]
    for row, (gross, discount) in zip(night.rows, amounts[1:] + amounts[:1], strict=True):
        row["gross_amount"], row["discount_amount"] = gross, discount


@fault("orders", "products")
def currency_flipped_for_one_store(night: Night) -> None:
    """A till was set up anew with the wrong currency: drams are sent as euros."""
    for row in night.rows if night.entity == "orders" else night.some(0.2):
        if night.entity == "products" or row["store"] == "Gyumri":
            row["currency"] = {"AMD": "EUR", "EUR": "AMD"}[row["currency"]]


@fault("orders")
def one_currency_for_all(night: Night) -> None:
    """A default was put where the currency stood: everything is in euros."""
    for row in night.rows:
        row["currency"] = "EUR"


@fault("order_items", "returns")
def negative_quantity(night: Night) -> None:
    """A cancelled line came in as a sale of −1."""
    for row in night.some():
        row["quantity"] = f"-{row['quantity']}"


@fault("order_items", "returns")
def quantity_zero(night: Night) -> None:
    """A line was emptied and not deleted."""
    for row in night.some():
        row["quantity"] = "0"


@fault("order_items", "returns")
def quantity_in_grams(night: Night) -> None:
    """The scales now send grams where kilograms were."""
    for row in night.rows:
        row["quantity"] = f"{row['quantity']}000"


@fault("order_items")
def barcode_as_quantity(night: Night) -> None:
    """A cashier scanned the article while the till asked how many: 5 billion pieces."""
    for row in night.some(0.01):
        row["quantity"] = "5449000000996"


@fault("returns")
def refund_larger_than_the_order(night: Night) -> None:
    """A refund was typed with a digit too many."""
    for row in night.some():
        row["refund"] += "0"
        row["refund"] = str((Decimal(row["refund"]) * 10).quantize(CENT))


@fault("returns")
def refund_twice(night: Night) -> None:
    """A refund was sent once by the till and once by the bank: two returns of the same line, under two numbers."""
    night.rows += [{**row, "return_id": f"B{row['return_id']}"} for row in night.some(0.2)]


@fault("exchange_rates")
def rate_zero(night: Night) -> None:
    """The central bank's page did not answer, and 0 was stored."""
    for row in night.some():
        row["rate"] = "0"


@fault("exchange_rates")
def rates_inverted(night: Night) -> None:
    """The new provider quotes units per euro, not euros per unit."""
    for row in night.rows:
        row["rate"] = f"{1 / Decimal(row['rate']):.8f}"


@fault("exchange_rates")
def one_rate_inverted(night: Night) -> None:
    """One currency is quoted the other way round since today."""
    last = max(row["rate_on"] for row in night.rows)
    for row in night.rows:
        if row["currency"] == "AMD" and row["rate_on"] == last:
            row["rate"] = f"{1 / Decimal(row['rate']):.8f}"


@fault("exchange_rates")
def rates_swapped(night: Night) -> None:
    """Two lines of the provider's table changed places: the dollar has the pound's rate."""
    last = max(row["rate_on"] for row in night.rows)
    today = {row["currency"]: row for row in night.rows if row["rate_on"] == last}
    today["GEL"]["rate"], today["GBP"]["rate"] = today["GBP"]["rate"], today["GEL"]["rate"]


@fault("exchange_rates")
def rate_per_hundred(night: Night) -> None:
    """The central bank quotes a weak currency per 100 units."""
    for row in night.rows:
        if row["currency"] == "AMD":
            row["rate"] = str(Decimal(row["rate"]) * 100)
