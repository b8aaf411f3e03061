"""Damages to identity: pages sent twice, numbers used again, one customer for all, records of another shop."""

from datetime import datetime, timedelta

from bench.faults.night import Night, fault
from bench.faults.shop import KEYS

RECORDS = ("customers", "products", "orders", "order_items", "returns")


@fault("exchange_rates", *RECORDS)
def page_duplicated(night: Night) -> None:
    """A page of an interface was fetched twice after a timeout."""
    rows = night.rows
    first, size = len(rows) // 3, max(2, len(rows) // 8)
    night.rows = rows[: first + size] + [dict(row) for row in rows[first : first + size]] + rows[first + size :]


@fault("exchange_rates", *RECORDS)
def page_twice_and_page_lost(night: Night) -> None:
    """Paging by number while records came in: one page came twice, and the next not at all."""
    rows = night.rows
    first, size = len(rows) // 3, max(2, len(rows) // 8)
    night.rows = rows[: first + size] + [dict(row) for row in rows[first : first + size]] + rows[first + 2 * size :]


@fault("exchange_rates", *RECORDS)
def file_within_itself(night: Night) -> None:
    """A job appended instead of replacing: everything twice."""
    night.rows = night.rows + [dict(row) for row in night.rows]


@fault("orders", "order_items", "products", "returns")
def two_versions_in_one_file(night: Night) -> None:
    """A record was changed while it was exported: it is there before and after, with different amounts, changed at one time."""
    columns = {"orders": "gross_amount", "order_items": "gross_amount", "products": "price", "returns": "refund"}
    column = columns[night.entity]
    night.rows = night.rows + [{**row, column: f"{row[column].split('.')[0]}9.99"} for row in night.some()]


@fault("orders")
def keys_recycled(night: Night) -> None:
    """A till's counter was reset: new orders come under numbers that other orders had weeks ago."""
    old = [row["order_id"] for row in night.history[-20]["orders"]]
    for row, order_id in zip(night.some(), old, strict=False):
        row["order_id"] = order_id


@fault("orders")
def all_keys_recycled(night: Night) -> None:
    """A till's counter was reset in the morning: the whole day comes under old numbers."""
    old = [row["order_id"] for row in night.history[-21]["orders"] + night.history[-20]["orders"]]
    for row, order_id in zip(night.rows, old, strict=False):
        row["order_id"] = order_id


@fault("customers")
def customer_numbers_recycled(night: Night) -> None:
    """Numbers of old customers were given to new ones: another name, address and day of registration."""
    old = [row["customer_id"] for row in night.history[-20]["customers"]]
    for row, customer_id in zip(night.some(), old, strict=False):
        row["customer_id"] = customer_id


@fault("customers", "products", "orders", "order_items")
def prefix_of_keys_changed(night: Night) -> None:
    """A migration put a prefix before every key: nothing fits what is known."""
    for row in night.rows:
        key = KEYS[night.entity][0]
        row[key] = f"NEW-{row[key]}"


@fault("customers", "products", "order_items")
def letters_and_zeros_lost_in_keys(night: Night) -> None:
    """A spreadsheet made numbers of the keys: C000123 came back as 123."""
    columns = {"customers": "customer_id", "products": "product_id", "order_items": "product_id"}
    column = columns[night.entity]
    for row in night.rows:
        row[column] = row[column].lstrip("CP0")


@fault("orders", "order_items")
def references_in_another_case(night: Night) -> None:
    """A system that does not tell c000123 from C000123 writes the keys as it pleases."""
    column = {"orders": "customer_id", "order_items": "product_id"}[night.entity]
    for row in night.some():
        row[column] = row[column].lower()


@fault("order_items")
def line_numbers_all_one(night: Night) -> None:
    """A new export numbers every line 1: the lines of an order overwrite each other."""
    for row in night.rows:
        row["line_id"] = "1"


@fault("orders")
def one_customer_for_all(night: Night) -> None:
    """The till's function for loyalty cards fails, and the cashiers scan the same card for everybody."""
    known = night.history[-1]["customers"][0]["customer_id"]
    for row in night.rows:
        row.update(customer_id=known, email="", phone="")


@fault("orders")
def customer_number_zero(night: Night) -> None:
    """The shop writes 0 for a customer that it does not know."""
    for row in night.some(0.3):
        row["customer_id"] = "0"


@fault("customers", "orders")
def one_address_for_all(night: Night) -> None:
    """The shop put its own address where the customer's should be: everybody looks like one person."""
    for row in night.rows:
        row["email"] = "noreply@shop.am"


@fault("customers")
def one_phone_for_all(night: Night) -> None:
    """A required field, and cashiers in a hurry: everybody's number is the same."""
    for row in night.rows:
        row["phone"] = "+37499000000"


@fault("orders")
def order_placed_twice(night: Night) -> None:
    """A slow page and an impatient customer: the same basket twice, a second apart, under two numbers."""
    for row in night.some():
        again = datetime.fromisoformat(row["ordered_at"]) + timedelta(seconds=1)
        night.rows.append({**row, "order_id": f"9{row['order_id']}", "ordered_at": f"{again}"})


@fault(*RECORDS)
def records_of_another_shop(night: Night) -> None:
    """A folder was mounted wrongly: these are the files of a branch abroad, with numbers of its own."""
    for row in night.rows:
        for key in ("customer_id", "product_id", "order_id", "return_id"):
            if row.get(key):
                row[key] = f"DE{row[key]}"
        for column, value in (("store", "Berlin"), ("region", "Brandenburg"), ("country", "DE"), ("city", "Berlin")):
            if column in row:
                row[column] = value
