"""Damages between entities: orders without lines, lines without orders, returns of what was never sold, customers gone."""

from bench.faults.night import Night, fault


@fault("customers")
def customers_gone(night: Night) -> None:
    """The export of customers stopped at the first page: the new ones of the day are missing."""
    night.rows = night.rows[:3]


@fault("products")
def products_gone(night: Night) -> None:
    """The catalogue was exported with a filter that somebody had left on: an eighth of it came."""
    night.rows = night.rows[::8]


@fault("order_items")
def products_unknown(night: Night) -> None:
    """The till sold articles that the catalogue does not have yet."""
    for row in night.some():
        row["product_id"] = f"X{row['product_id']}"


@fault("orders")
def customers_unknown(night: Night) -> None:
    """A new register of customers was put into use, and its export was forgotten."""
    for row in night.some():
        row["customer_id"] = f"X{row['order_id']}"


@fault("order_items")
def lines_missing_of_some_orders(night: Night) -> None:
    """The export cuts an order off after its first line."""
    touched = {row["order_id"] for row in night.some(0.03) if int(row["line_id"]) > 1}
    night.rows = [row for row in night.rows if row["order_id"] not in touched or row["line_id"] == "1"]


@fault("order_items")
def only_first_lines(night: Night) -> None:
    """A new export writes the first line of every order, and no other."""
    night.rows = [row for row in night.rows if row["line_id"] == "1"]


@fault("order_items")
def orders_without_lines(night: Night) -> None:
    """The lines of some orders were written after the export had passed them."""
    without = {row["order_id"] for row in night.some(0.03)}
    night.rows = [row for row in night.rows if row["order_id"] not in without]


@fault("orders")
def lines_without_their_order(night: Night) -> None:
    """Some orders were locked while the export ran, and were left out; their lines came."""
    without = {row["order_id"] for row in night.some()}
    night.rows = [row for row in night.rows if row["order_id"] not in without]


@fault("order_items")
def lines_at_the_next_order(night: Night) -> None:
    """A counter off by one: some lines hang on the order after their own."""
    for number, row in enumerate(night.some(), 1):
        row.update(order_id=str(int(row["order_id"]) + 1), line_id=str(90 + number))


@fault("order_items")
def lines_repeated_under_new_numbers(night: Night) -> None:
    """An order was saved twice, and its lines were added again with new numbers."""
    night.rows += [{**row, "line_id": str(int(row["line_id"]) + 50)} for row in night.some()]


@fault("returns")
def return_of_an_unknown_order(night: Night) -> None:
    """Goods bought abroad were brought back here."""
    for row in night.some(0.1):
        row["order_id"] = f"X{row['order_id']}"


@fault("returns")
def return_of_an_unknown_line(night: Night) -> None:
    """The till for returns numbers lines in a way of its own."""
    for row in night.some(0.1):
        row["line_id"] = "77"


@fault("returns")
def more_pieces_returned_than_sold(night: Night) -> None:
    """A return of 2 was typed as 22."""
    for row in night.some(0.1):
        row["quantity"] = f"2{row['quantity']}"


@fault("orders")
def returned_orders_still_paid(night: Night) -> None:
    """The shop system was not told of the returns: their orders are sent as paid once more."""
    for row in night.rows:
        row["status"] = "paid" if "refunded" in row["status"] else row["status"]


@fault("exchange_rates")
def rates_missing_for_a_currency(night: Night) -> None:
    """The provider has dropped a currency."""
    night.rows = [row for row in night.rows if row["currency"] != "AMD"]


@fault("exchange_rates")
def rates_of_today_missing(night: Night) -> None:
    """The provider was asked before it had published today's rates."""
    last = max(row["rate_on"] for row in night.rows)
    night.rows = [row for row in night.rows if row["rate_on"] != last]
