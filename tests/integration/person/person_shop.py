"""A shop in two sources, a webshop and tills, in which one person has an account, a loyalty card, guest orders and rows in quarantine."""

import csv
import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from retain import loads, transform, warehouse
from retain.config import Settings, load_settings
from retain.forecast.run import run_forecast
from retain.roles import FORECASTER

CONFIG = """\
  - name: web
    type: files
    folder: web
    entities:
      customers:
        files: customers.csv
        fields: {customer_id: id, email: mail, phone: phone, full_name: name, city: "split_part(address, ',', 2)",
                 country: "'AM'", region: "upper(region)", tier: tier, accepts_marketing: news, registered_at: since,
                 merged_into: part_of, merged_ids: parts, changed_at: changed}
      orders:
        files: lines.csv
        group_by: [order_no]
        fields: {order_id: order_no, customer_id: buyer, ordered_at: min(at), gross_amount: "sum(amount::numeric)",
                 status: "'paid'", currency: "'EUR'", channel: channel}
      order_items:
        files: lines.csv
        fields: {order_id: order_no, line_id: line, product_id: product, quantity: "'1'", gross_amount: amount}
      returns:
        files: returns.csv
        fields: {return_id: id, order_id: order_no, returned_at: at, amount: amount, reason: why}
  - name: till
    type: files
    folder: till
    entities:
      customers:
        files: "cards*.csv"
        fields: {customer_id: member, phone: mobile, loyalty_card: card, full_name: holder, registered_at: since}
      orders:
        files: "till*.csv"
        fields: {order_id: "card_or_mail || '-' || receipt", email: "case when card_or_mail like '%@%' then card_or_mail end",
                 loyalty_card: "case when card_or_mail not like '%@%' then card_or_mail end", ordered_at: at, gross_amount: total}
        defaults: {status: paid, currency: EUR}
  - name: desk
    type: files
    folder: desk
    entities:
      tickets:
        files: "tickets*.csv"
        fields: {ticket_id: id, email: mail, phone: phone, opened_at: at, status: state, topic: topic}
      feedback:
        files: answers.csv
        fields: {feedback_id: id, customer_id: account, ticket_id: ticket, answered_at: at, score: stars}
        defaults: {kind: csat, lowest_score: 1, highest_score: 5, customer_source: web}
      loyalty_entries:
        files: points.csv
        fields: {entry_id: id, loyalty_card: card, points: points, kind: kind, entered_at: at}
      payments:
        files: payments.csv
        fields: {payment_id: id, order_id: order_no, order_source: shop, email: mail, happened_at: at, amount: amount}
        defaults: {kind: payment, currency: EUR}
      sends:
        files: messages.csv
        fields: {send_id: id, phone: number, happened_at: at, delivered_at: at}
        defaults: {channel: sms}
      visits:
        files: views.csv
        fields: {view_id: id, visit_id: visit, customer_id: account, happened_at: at}
        defaults: {customer_source: web}
"""
FORECAST = "as_of: 2025-06-30\nforecast:\n  min_customers: 30\n  min_history_days: 90\n"
CROWDED = "+374 93 000 011"  # given by six people: it joins nobody
# Everything that she is known by, in every spelling that a source has sent.
ANNA = (
    "Anna Petrosyan", "anna.petrosyan@example.com", "Anna.Petrosyan@Example.com", "anna.old@example.com", "+374 95 11 22 33",
    "095112233", "+37495112233", "CARD-77 001", "CARD77001", "Abovyan 5", "web:w1001", "till:m5001", "w1001", "m5001", "w1002",
    "w1003", "w1004",
)  # fmt: skip


@dataclass
class Shop:
    """`settings` of a shop that is loaded, built and forecast; `folder` holds the sources' files."""

    settings: Settings
    folder: Path

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def load(self, **options: Any) -> list[loads.LoadOutcome]:
        outcomes = loads.load_sources(self.settings, ["web", "till", "desk"], **options)
        assert {one.status for one in outcomes} == {"published"}, outcomes
        return outcomes

    def build(self) -> None:
        transform.build(self.settings)

    def differences(self) -> list[tuple[Any, ...]]:
        return self.ask("select source, entity, day from ops.reconciliation where difference <> 0")

    def write(self, source: str, name: str, header: str, rows: list[tuple[str, ...]]) -> None:
        path = self.folder / source / name
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header.split(","), *rows])

    def customers(
        self,
        mail: str = "Anna.Petrosyan@Example.com",
        changed: str = "2025-05-01",
        more: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        others = [
            (f"w{n}", f"Per.Son+{n}@Gmail.com" if n == 1 else f"person{n}@example.com",
             CROWDED if 11 <= n <= 16 else f"+374 93 {n:06}", f"Person {n}", f"Street {n}, Gyumri", "shirak", "silver",
             "true", f"2024-01-{n % 28 + 1:02}T08:00:00Z", "2025-01-01T00:00:00Z", "", "")
            for n in range(1, 61)
        ]  # fmt: skip
        anna = ("w1001", mail, "+374 95 11 22 33", "Anna Petrosyan", "Abovyan 5, Yerevan", "kotayk", "gold", "true",
                "2024-01-05T08:00:00Z", f"{changed}T00:00:00Z", "", "w1003;w1004")  # fmt: skip
        # of w1004 nothing was ever sent but its number
        part = ("w1003", "", "", "Anna Petrosyan", "", "", "", "true", "2024-03-05T08:00:00Z",
                "2025-01-01T00:00:00Z", "w1001", "")  # fmt: skip
        # `maybe` is no yes or no: it waits in quarantine
        held = ("w1002", mail, "095112233", "Anna Petrosyan", "Abovyan 5, Yerevan", "kotayk", "gold", "maybe",
                "2024-02-01T08:00:00Z", "2025-05-01T00:00:00Z", "", "")  # fmt: skip
        self.write(
            "web",
            "customers.csv",
            "id,mail,phone,name,address,region,tier,news,since,changed,part_of,parts",
            [*others, anna, held, part, *more],
        )

    def sources(self) -> None:
        dice = random.Random(6)
        lines, tills = [], []
        for buyer in [*(f"w{n}" for n in range(1, 61)), *["w1001"] * 2]:
            day = date(2024, 2, 1) + timedelta(days=dice.randrange(90))
            while day < date(2025, 1, 1 + dice.randrange(28)) and dice.random() < 0.9:
                number = f"o{len(lines) + 1}"
                whose = f"{buyer} gift for Anna Petrosyan" if buyer == "w1001" else f"{buyer} nothing"
                for line in ("1", "2"):
                    amount = f"{dice.randrange(900, 20000) / 100:.2f}"
                    lines.append(
                        (number, line, buyer, f"{day}T10:{dice.randrange(60):02}:00Z", amount, "p1", "online", whose)
                    )
                day += timedelta(days=20 + dice.randrange(40))
        for line in ("1", "2"):  # lapsed since, and worth winning back
            lines.append(("o-last", line, "w1001", "2025-02-20T10:00:00Z", "400.00", "p1", "online", "Anna Petrosyan"))
        lines += [("o-bad", "1", "w1001", "2024-05-05T10:00:00Z", "-5.00", "p1", "online", "Anna Petrosyan again")]
        for n, who in enumerate(
            ["CARD-77 001", "anna.petrosyan@example.com", "CARD77001", "person7@example.com", "CARD9"] * 2
        ):
            tills.append((who, str(n), f"2024-0{n % 8 + 2}-11T12:00:00Z", f"{20 + n}.50", "no note"))
        self.customers()
        self.write("web", "lines.csv", "order_no,line,buyer,at,amount,product,channel,note", lines)
        mine = [line[0] for line in lines if line[2] == "w1001"][:1]
        self.write("web", "returns.csv", "id,order_no,at,amount,why",
                   [("r1", mine[0], "2024-12-01T10:00:00Z", "1.00", "Anna Petrosyan did not like it")])  # fmt: skip
        self.write("till", "cards.csv", "member,mobile,card,holder,since",
                   [("m5001", "095112233", "CARD-77 001", "Petrosyan, Anna Petrosyan", "2024-03-01T08:00:00Z"),
                    ("m5002", "", "CARD9", "Nobody", "2024-03-01T08:00:00Z")])  # fmt: skip
        self.write("till", "till.csv", "card_or_mail,receipt,at,total,note", tills)
        self.engagement()

    def engagement(self) -> None:
        """Hers by e-mail, phone, card and account, in spellings of their own; and a ticket that waits in quarantine."""
        at = "2024-09-01T10:00:00Z"
        self.write("desk", "tickets.csv", "id,mail,phone,at,state,topic,words",
                   [("t1", "ANNA.petrosyan@example.com", "", at, "open", "size", "I am Anna Petrosyan"),
                    ("t2", "", "095112233", at, "solved", "size", "Anna Petrosyan here"),
                    ("t3", "person7@example.com", "", at, "open", "size", "I am another"),
                    ("t4", "stranger@example.com", "", at, "open", "size", "nobody knows me"),
                    ("t5", "anna.old@example.com", "", at, "lost", "size", "Anna Petrosyan, who was Anna")])  # fmt: skip
        self.write("desk", "answers.csv", "id,account,ticket,at,stars,words",
                   [("f1", "w1001", "t1", at, "2", "Anna Petrosyan is not amused"), ("f2", "w7", "t3", at, "5", "")])  # fmt: skip
        self.write("desk", "points.csv", "id,card,points,kind,at",
                   [("e1", "card 77-001", "120", "earned", at), ("e2", "CARD9", "20", "earned", at)])  # fmt: skip
        self.write("desk", "payments.csv", "id,order_no,shop,mail,at,amount,payer",
                   [("p1", "o-last", "web", "", at, "800.00", "Anna Petrosyan"),
                    ("p2", "anna.petrosyan@example.com-1", "till", "pays@example.com", at, "21.50", "her aunt"),
                    ("p3", "", "", "ANNA.petrosyan@example.com", at, "5.00", "Anna Petrosyan"),
                    ("p4", "person7@example.com-3", "till", "person7@example.com", at, "23.50", "another")])  # fmt: skip
        self.write(
            "desk", "messages.csv", "id,number,at", [("s1", "+374 95 11 22 33", at), ("s2", "+374 93 000 007", at)]
        )
        self.write(
            "desk",
            "views.csv",
            "id,visit,account,at",
            [("v1", "v", "", at), ("v2", "v", "w1001", at), ("v3", "x", "w8", at)],
        )


def made(folder: Path, url: str) -> Shop:
    """The shop, loaded twice (she changed her address in between), built, forecast and built again."""
    path = folder / "retain.yml"
    path.write_text(
        f"business:\n  timezone: UTC\n  reporting_currency: EUR\n  country: AM\nwarehouse:\n  url: {url}\n"
        f"  folder: {folder / 'state'}\n{FORECAST}sources:\n{CONFIG}"
    )
    shop = Shop(load_settings(path), folder)
    warehouse.prepare(shop.settings)
    shop.sources()
    shop.customers(mail="anna.old@example.com", changed="2025-03-01")
    shop.load()
    shop.customers()
    shop.load()
    shop.build()
    with warehouse.connect(shop.settings, FORECASTER) as connection:
        run_forecast(connection, shop.settings)
    shop.build()
    return shop
