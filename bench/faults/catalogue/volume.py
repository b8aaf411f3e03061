"""Damages that no single row shows: too much, too little, too old, or a column that lost its meaning."""

from bench.faults.catalogue.text import AMOUNTS
from bench.faults.night import Night, fault
from bench.faults.shop import KEYS

ALL = ("exchange_rates", "customers", "products", "orders", "order_items", "returns")
TRADE = ("customers", "orders", "order_items", "returns")


@fault(*ALL)
def no_file(night: Night) -> None:
    """The job that exports did not run."""
    night.contents[night.entity] = None


@fault(*TRADE, "products")
def half_the_volume(night: Night) -> None:
    """One of two export jobs did not run."""
    night.rows = night.rows[::2]


@fault(*TRADE)
def double_the_volume(night: Night) -> None:
    """A test system was attached to the interface: as many records again, under new numbers."""
    key = KEYS[night.entity][-1]
    night.rows += [{**row, key: f"T{row[key]}"} for row in night.rows]


@fault("orders", "order_items")
def one_store_missing(night: Night) -> None:
    """The line to one store was down."""
    gone = {row["order_id"] for row in night.delivery["orders"] if row["store"] == "Café Abovyan"}
    night.rows = [row for row in night.rows if row["order_id"] not in gone]


@fault("orders")
def one_small_store_missing(night: Night) -> None:
    """The line to a small store was down: a fifth of the orders."""
    night.rows = [row for row in night.rows if row["store"] != "Gyumri"]


@fault("orders")
def the_evening_missing(night: Night) -> None:
    """The export ran too early: nothing after three in the afternoon."""
    night.rows = [row for row in night.rows if row["ordered_at"][11:13] < "15"]


@fault(*TRADE)
def yesterdays_file_again(night: Night) -> None:
    """The export failed, and a script sent the file of the day before under today's name."""
    night.rows = [dict(row) for row in night.history[-1][night.entity]]


@fault(*TRADE)
def old_full_export(night: Night) -> None:
    """A backup from ten days ago was sent as tonight's file: every record in an old version, today's not at all."""
    newest = {
        tuple(row[key] for key in KEYS[night.entity]): row
        for delivery in night.history[:-10]
        for row in delivery[night.entity]
    }
    night.rows = [dict(row) for row in newest.values()]


@fault("customers", "products", "orders", "order_items", "returns")
def old_versions_with_a_new_time_of_change(night: Night) -> None:
    """A restored database touched every record: values of two weeks ago, changed a minute ago."""
    changed_at = max(row["changed_at"] for row in night.rows)
    newest = {tuple(row[key] for key in KEYS[night.entity]): row for row in night.rows}
    for row in night.history[-14][night.entity]:
        newest[tuple(row[key] for key in KEYS[night.entity])] = {**row, "changed_at": changed_at}
    night.rows = list(newest.values())


@fault("customers", "orders")
def addresses_lost(night: Night) -> None:
    """A privacy setting of the interface turned: e-mail addresses are no longer sent."""
    for row in night.rows:
        row["email"] = ""


@fault("customers", "orders")
def most_addresses_lost(night: Night) -> None:
    """A new form does not ask for the address: six in ten are empty."""
    for row in night.some(0.6):
        row["email"] = ""


@fault("orders")
def customers_lost_from_orders(night: Night) -> None:
    """Logins are broken: every order is a guest's."""
    for row in night.rows:
        row["customer_id"] = ""


@fault("customers", "products", "orders", "order_items", "returns")
def an_attribute_lost(night: Night) -> None:
    """A field was renamed inside the shop system, and the export sends its old name, always empty."""
    column = {
        "customers": "region",
        "products": "category",
        "orders": "channel",
        "order_items": "product_id",
        "returns": "reason",
    }[night.entity]
    for row in night.rows:
        row[column] = ""


@fault("products", "order_items")
def costs_lost(night: Night) -> None:
    """The export's user may no longer see purchase prices."""
    column = {"products": "unit_cost", "order_items": "cost_amount"}[night.entity]
    for row in night.rows:
        row[column] = ""


@fault("customers", "products", "orders", "order_items")
def an_attribute_the_same_for_all(night: Night) -> None:
    """A default was put where the value stood."""
    columns = {"customers": "region", "products": "category", "orders": "store", "order_items": "product_id"}
    column = columns[night.entity]
    value = night.rows[0][column]
    for row in night.rows:
        row[column] = value


@fault("orders", "customers")
def channels_renamed(night: Night) -> None:
    """Marketing renamed the channels."""
    for row in night.rows:
        row["channel"] = {"store": "brick & mortar", "web": "digital"}[row["channel"]]


@fault("orders")
def test_orders_unmarked(night: Night) -> None:
    """A load test ran against the live system, and its orders are not marked as tests."""
    for row in night.some(0.3):
        night.rows.append(
            {**row, "order_id": f"8{row['order_id']}", "customer_id": "", "email": "loadtest@shop.am", "phone": ""}
        )


@fault("orders")
def every_order_a_test(night: Night) -> None:
    """A flag of the payment provider's sandbox was left on."""
    for row in night.rows:
        row["is_test"] = "true"


@fault("orders", "order_items")
def an_absurd_amount(night: Night) -> None:
    """A key was held down: an order over ninety million."""
    for row in night.some(0.005):
        row[AMOUNTS[night.entity][0]] = "99999999.99"


@fault("products")
def prices_of_another_day(night: Night) -> None:
    """A promotion's price list was loaded on the wrong day: everything costs a tenth."""
    for row in night.rows:
        row["price"] = f"{float(row['price']) / 10:.2f}"


@fault("products")
def costs_above_prices(night: Night) -> None:
    """Purchase prices in another currency: everything costs more than it is sold for."""
    for row in night.rows:
        row["unit_cost"] = f"{float(row['price']) * 400:.2f}"


@fault("customers")
def everybody_opted_in(night: Night) -> None:
    """A migration set the consent of every customer."""
    for row in night.rows:
        row["accepts_marketing"] = "true"


@fault("customers")
def all_customers_changed(night: Night) -> None:
    """A migration touched every customer: the whole register comes as changed tonight."""
    newest = {row["customer_id"]: row for delivery in night.history for row in delivery["customers"]}
    sent = {row["customer_id"] for row in night.rows}
    changed_at = max(row["changed_at"] for row in night.rows)
    night.rows += [{**row, "changed_at": changed_at} for key, row in newest.items() if key not in sent]


@fault("orders")
def a_year_old_archive(night: Night) -> None:
    """An archive of last year was put into the folder: good records of a time that was never loaded."""
    night.rows += [
        {
            **row,
            "order_id": f"A{row['order_id']}",
            "ordered_at": f"{int(row['ordered_at'][:4]) - 1}{row['ordered_at'][4:]}".replace("-02-29", "-02-28"),
            "changed_at": f"{int(row['changed_at'][:4]) - 1}{row['changed_at'][4:]}".replace("-02-29", "-02-28"),
        }
        for delivery in night.history[-7:]
        for row in delivery["orders"]
    ]
