"""Damages to values: what locales, spreadsheets and forms do to the text of a number, a key or a word."""

from bench.faults.night import Night, fault
from bench.faults.shop import KEYS, Row

AMOUNTS: dict[str, tuple[str, ...]] = {
    "exchange_rates": ("rate",),
    "products": ("price", "unit_cost"),
    "orders": ("gross_amount", "discount_amount", "tax_amount", "shipping_amount"),
    "order_items": ("gross_amount", "discount_amount", "cost_amount"),
    "returns": ("refund",),
}
WITH_AMOUNTS = tuple(AMOUNTS)
EASTERN_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def rewrite_amounts(night: Night, rows: list[Row], template: str) -> None:
    for row in rows:
        for name in AMOUNTS[night.entity]:
            row[name] = template.format(row[name])


@fault(*WITH_AMOUNTS)
def decimal_comma(night: Night) -> None:
    """A till with a German or Armenian locale writes 12,50."""
    for row in night.some():
        for name in AMOUNTS[night.entity]:
            row[name] = row[name].replace(".", ",")


@fault(*WITH_AMOUNTS)
def thousands_separators(night: Night) -> None:
    """A report's number format: 1,234.50."""
    for row in night.some():
        for name in AMOUNTS[night.entity]:
            row[name] = f"1,{int(float(row[name])) % 1000:03d}.50"


@fault(*WITH_AMOUNTS)
def currency_symbol_in_the_amount(night: Night) -> None:
    """A spreadsheet's currency format: € 12.50."""
    rewrite_amounts(night, night.some(), "€ {}")


@fault(*WITH_AMOUNTS)
def trailing_minus(night: Night) -> None:
    """SAP and old tills write a negative amount as 12.50-."""
    for row in night.some():
        for name in AMOUNTS[night.entity]:
            row[name] = row[name].lstrip("-") + "-"


@fault(*WITH_AMOUNTS)
def brackets_for_minus(night: Night) -> None:
    """An accountant's export writes a negative amount as (12.50)."""
    for row in night.some():
        for name in AMOUNTS[night.entity]:
            row[name] = f"({row[name].lstrip('-')})"


@fault(*WITH_AMOUNTS)
def arabic_digits(night: Night) -> None:
    """A till with a Persian or Arabic locale writes ١٢.٥٠."""
    for row in night.some():
        for name in AMOUNTS[night.entity]:
            row[name] = row[name].translate(EASTERN_DIGITS)


@fault(*WITH_AMOUNTS)
def scientific_notation(night: Night) -> None:
    """A spreadsheet shows 123456.78 as 1.2E+05 and saves what it shows."""
    for row in night.some():
        for name in AMOUNTS[night.entity]:
            row[name] = f"{float(row[name]):.1E}"


@fault(*WITH_AMOUNTS)
def not_a_number(night: Night) -> None:
    """A calculation in floating point went wrong and was printed: NaN."""
    rewrite_amounts(night, night.some(), "NaN")


@fault(*WITH_AMOUNTS)
def spreadsheet_errors(night: Night) -> None:
    """A formula lost what it referred to: #REF!."""
    rewrite_amounts(night, night.some(), "#REF!")


@fault(*WITH_AMOUNTS)
def the_word_null(night: Night) -> None:
    """An export prints a missing value as the word NULL."""
    rewrite_amounts(night, night.some(), "NULL")


@fault(*WITH_AMOUNTS)
def floating_point_dust(night: Night) -> None:
    """Amounts kept in floating point: 12.5 arrives as 12.500000000000002."""
    for row in night.some():
        for name in AMOUNTS[night.entity]:
            row[name] = f"{row[name]}00000000000002"


@fault(*WITH_AMOUNTS)
def digits_beyond_the_column(night: Night) -> None:
    """An uninitialised counter: an amount with twenty digits."""
    rewrite_amounts(night, night.some(), "99999999999999999999")


@fault(*WITH_AMOUNTS)
def amounts_empty(night: Night) -> None:
    """A price lookup failed silently: the amounts are empty."""
    rewrite_amounts(night, night.some(), "")


@fault("orders", "products", "exchange_rates")
def currency_in_lower_case(night: Night) -> None:
    """A new payment provider writes currencies as eur."""
    for row in night.some():
        row["currency"] = row["currency"].lower()


@fault("orders", "products", "exchange_rates")
def currency_as_a_symbol(night: Night) -> None:
    """A new shop system writes € and $."""
    for row in night.some():
        row["currency"] = {"EUR": "€", "USD": "$"}.get(row["currency"], "֏")


@fault("orders", "products", "exchange_rates")
def currency_missing(night: Night) -> None:
    """A manual order was entered without a currency."""
    for row in night.some():
        row["currency"] = ""


@fault("orders")
def status_unknown(night: Night) -> None:
    """The shop introduced a status of its own."""
    for row in night.some():
        row["status"] = "on_hold_b2b"


@fault("orders")
def status_case_changed(night: Night) -> None:
    """An upgrade writes PAID for paid."""
    for row in night.rows:
        row["status"] = row["status"].upper()


@fault("orders")
def every_order_cancelled(night: Night) -> None:
    """A payment provider's outage, or a wrong join, sets every order to cancelled."""
    for row in night.rows:
        row["status"] = "cancelled"


@fault("orders")
def every_order_pending(night: Night) -> None:
    """The job that takes payments over did not run before the export."""
    for row in night.rows:
        row["status"] = "pending"


@fault("customers", "products", "orders")
def yes_and_no_in_words(night: Night) -> None:
    """A boolean in the language of the user: ja and nein."""
    column = {"customers": "accepts_marketing", "products": "is_gift_card", "orders": "is_test"}[night.entity]
    for row in night.some():
        row[column] = "ja" if row[column] == "true" else "nein"


@fault("customers", "products", "orders", "order_items", "returns")
def keys_with_spaces(night: Night) -> None:
    """A fixed-width system pads its keys with spaces."""
    for row in night.rows:
        for key in KEYS[night.entity]:
            row[key] = f" {row[key]}  "


@fault("customers", "products", "orders", "order_items", "returns")
def keys_with_invisible_characters(night: Night) -> None:
    """Copied from a web page: a no-break space and a zero-width space cling to the key."""
    for row in night.some():
        row[KEYS[night.entity][0]] += "\u00a0\u200b"


@fault("customers", "products", "orders", "order_items", "returns", "exchange_rates")
def keys_empty(night: Night) -> None:
    """A synchronisation has not given numbers yet: the key is an empty text."""
    for row in night.some():
        row[KEYS[night.entity][0]] = ""


@fault("customers", "products", "orders", "order_items", "returns")
def keys_in_scientific_notation(night: Night) -> None:
    """A spreadsheet opened the file and saved it: 700123 is 7E+05, for hundreds of records."""
    for row in night.rows:
        key = KEYS[night.entity][0]
        digits = "".join(character for character in row[key] if character.isdigit())
        row[key] = f"{float(digits):.0E}"


@fault("customers", "orders", "returns")
def contacts_and_texts_cut_short(night: Night) -> None:
    """A column of an interface table is too narrow: texts end after eight characters."""
    column = {"customers": "email", "orders": "email", "returns": "reason"}[night.entity]
    for row in night.rows:
        row[column] = row[column][:8]


@fault("customers", "products")
def escaped_for_html(night: Night) -> None:
    """A web shop exports what it shows: &amp;eacute; for é."""
    column = {"customers": "full_name", "products": "name"}[night.entity]
    for row in night.rows:
        row[column] = row[column].replace(" ", "&nbsp;").replace("é", "&eacute;")
