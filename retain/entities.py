"""What Retain knows of a shop: its entities, their fields, types and keys. The one list that config, landing, gate and publish share."""

from dataclasses import dataclass
from typing import Literal

FieldType = Literal["text", "numeric", "money", "rate", "timestamp", "date", "boolean"]

SQL_TYPES: dict[FieldType, str] = {
    "text": "text",
    "numeric": "numeric(18,4)",
    "money": "numeric(18,4)",
    "rate": "numeric(18,8)",
    "timestamp": "timestamptz",
    "date": "date",
    "boolean": "boolean",
}


@dataclass(frozen=True)
class Field:
    """One field of an entity. `default` is SQL text, used where a source has neither the field nor a default of its own."""

    type: FieldType = "text"
    required: bool = False
    default: str | None = None
    personal: bool = False

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]

    @property
    def scale(self) -> int | None:
        """How many decimals are kept; None for what is no number."""
        return int(self.sql_type.rstrip(")").split(",")[1]) if self.sql_type.startswith("numeric") else None


@dataclass(frozen=True)
class Entity:
    """`fields` in the order of the table; `key` identifies a record within its source."""

    name: str
    key: tuple[str, ...]
    fields: dict[str, Field]

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(name for name, field in self.fields.items() if field.required)

    def of_type(self, *types: FieldType) -> tuple[str, ...]:
        return tuple(name for name, field in self.fields.items() if field.type in types)


KEY = Field(required=True)
TEXT = Field()
PERSONAL = Field(personal=True)
AMOUNT = Field("money", required=True)
AMOUNT_OR_ZERO = Field("money", default="0")
YES_OR_NO = Field("boolean", default="false")
CHANGED_AT = Field("timestamp")
# Whom a record is about that is no order: an account, of the source itself unless it names another one, or what they gave.
WHOSE = {
    "customer_id": TEXT,
    "customer_source": TEXT,
    "email": PERSONAL,
    "phone": PERSONAL,
    "loyalty_card": PERSONAL,
}

_ENTITIES = (
    Entity(
        "exchange_rates",
        ("currency", "rate_on"),
        {
            "currency": KEY,
            "rate_on": Field("date", required=True),
            "rate": Field("rate", required=True),
            "changed_at": CHANGED_AT,
        },
    ),
    Entity(
        "customers",
        ("customer_id",),
        {
            "customer_id": KEY,
            "email": PERSONAL,
            "phone": PERSONAL,
            "loyalty_card": PERSONAL,
            "full_name": PERSONAL,
            "country": TEXT,
            "region": TEXT,
            "city": TEXT,
            "channel": TEXT,
            "tier": TEXT,
            "accepts_marketing": Field("boolean"),
            "is_closed": Field("boolean"),
            "closed_at": Field("timestamp"),
            "registered_at": Field("timestamp"),
            # The account that this one was merged into; and, with ; between, those that were merged into this one.
            "merged_into": TEXT,
            "merged_ids": TEXT,
            "changed_at": CHANGED_AT,
        },
    ),
    Entity(
        "products",
        ("product_id",),
        {
            "product_id": KEY,
            "name": TEXT,
            "category": TEXT,
            "price": Field("money"),
            "unit_cost": Field("money"),
            "currency": TEXT,
            "is_gift_card": YES_OR_NO,
            "changed_at": CHANGED_AT,
        },
    ),
    Entity(
        "orders",
        ("order_id",),
        {
            "order_id": KEY,
            "customer_id": TEXT,
            "email": PERSONAL,
            "phone": PERSONAL,
            "loyalty_card": PERSONAL,
            "ordered_at": Field("timestamp", required=True),
            "status": Field(required=True),
            "currency": Field(required=True),
            "gross_amount": AMOUNT,
            "discount_amount": AMOUNT_OR_ZERO,
            "tax_amount": AMOUNT_OR_ZERO,
            "shipping_amount": AMOUNT_OR_ZERO,
            "channel": TEXT,
            "store": TEXT,
            "region": TEXT,
            "is_test": YES_OR_NO,
            "changed_at": CHANGED_AT,
        },
    ),
    Entity(
        "order_items",
        ("order_id", "line_id"),
        {
            "order_id": KEY,
            "line_id": KEY,
            "product_id": TEXT,
            "quantity": Field("numeric", required=True),
            "gross_amount": AMOUNT,
            "discount_amount": AMOUNT_OR_ZERO,
            "cost_amount": Field("money"),
            "changed_at": CHANGED_AT,
        },
    ),
    Entity(
        "returns",
        ("return_id",),
        {
            "return_id": KEY,
            "order_id": Field(required=True),
            "line_id": TEXT,
            "returned_at": Field("timestamp", required=True),
            "amount": AMOUNT,
            "quantity": Field("numeric"),
            "reason": TEXT,
            "changed_at": CHANGED_AT,
        },
    ),
    # What acquiring customers through a channel cost in the month (of the shop's calendar) that a day lies in.
    Entity(
        "acquisition_costs",
        ("channel", "month_on"),
        {
            "channel": KEY,
            "month_on": Field("date", required=True),
            "amount": AMOUNT,
            "currency": Field(required=True),
            "changed_at": CHANGED_AT,
        },
    ),
    # One row a change and thing that it touched: a channel, region or category of the first order, a customer, or everybody.
    Entity(
        "business_changes",
        ("change_id", "touched", "touched_value"),
        {
            "change_id": KEY,
            "touched": KEY,
            "touched_value": KEY,
            "kind": Field(required=True),
            "title": TEXT,
            "changed_on": Field("date", required=True),
            "changed_at": CHANGED_AT,
        },
    ),
    Entity(
        "experiment_assignments",
        ("experiment_id", "customer_id"),
        {
            "experiment_id": KEY,
            "customer_id": KEY,
            "arm": Field(required=True),
            "assigned_at": Field("timestamp", required=True),
            "starts_at": Field("timestamp", required=True),
            "treatment_share": Field("numeric", default="0.5"),
            "changed_at": CHANGED_AT,
        },
    ),
    Entity(
        "tickets",
        ("ticket_id",),
        {
            "ticket_id": KEY,
            **WHOSE,
            "opened_at": Field("timestamp", required=True),
            "first_replied_at": Field("timestamp"),
            "solved_at": Field("timestamp"),
            "status": Field(required=True),
            "merged_into_id": TEXT,
            "channel": TEXT,
            "topic": TEXT,
            "priority": TEXT,
            "changed_at": CHANGED_AT,
        },
    ),
    # Answers of customers: the scale says what a score is worth.
    Entity(
        "feedback",
        ("feedback_id",),
        {
            "feedback_id": KEY,
            **WHOSE,
            "kind": Field(required=True),
            "survey": TEXT,
            "ticket_id": TEXT,
            "answered_at": Field("timestamp", required=True),
            "score": Field("numeric", required=True),
            "lowest_score": Field("numeric", required=True),
            "highest_score": Field("numeric", required=True),
            "channel": TEXT,
            "changed_at": CHANGED_AT,
        },
    ),
    # A ledger: what was taken back, or has expired, is an entry of its own with a minus.
    Entity(
        "loyalty_entries",
        ("entry_id",),
        {
            "entry_id": KEY,
            **WHOSE,
            "kind": Field(required=True),
            "status": Field(default="'approved'"),
            "points": Field("numeric", required=True),
            "entered_at": Field("timestamp", required=True),
            "changed_at": CHANGED_AT,
        },
    ),
    # Money that moved, as a payment provider tells it: an order of a shop system names it, and is never made of it. Amounts are
    # positive; what went back to the customer is of another kind.
    Entity(
        "payments",
        ("payment_id",),
        {
            "payment_id": KEY,
            "order_id": TEXT,
            "order_source": TEXT,
            **WHOSE,
            "kind": Field(required=True),
            "status": Field(default="'succeeded'"),
            "happened_at": Field("timestamp", required=True),
            "amount": AMOUNT,
            "currency": Field(required=True),
            "method": TEXT,
            "changed_at": CHANGED_AT,
        },
    ),
    # One row a message, or one each time that something happens to it: rows of one message name it.
    Entity(
        "sends",
        ("send_id",),
        {
            "send_id": KEY,
            "message_id": TEXT,
            **WHOSE,
            "channel": Field(required=True),
            "campaign": TEXT,
            "happened_at": Field("timestamp", required=True),
            "delivered_at": Field("timestamp"),
            "opened_at": Field("timestamp"),
            "clicked_at": Field("timestamp"),
            "failed_at": Field("timestamp"),
            "unsubscribed_at": Field("timestamp"),
            "complained_at": Field("timestamp"),
            "changed_at": CHANGED_AT,
        },
    ),
    # One row a visit, or one each thing that was looked at or done in it: rows of one visit name it.
    Entity(
        "visits",
        ("view_id",),
        {
            "view_id": KEY,
            "visit_id": TEXT,
            **WHOSE,
            "happened_at": Field("timestamp", required=True),
            "channel": TEXT,
            "campaign": TEXT,
            "device": TEXT,
            "region": TEXT,
            "changed_at": CHANGED_AT,
        },
    ),
    # What a counter of visits says of a day, added up: no visitor, and no customer, is told apart in it.
    Entity(
        "traffic",
        ("day_on", "channel", "origin"),
        {
            "day_on": Field("date", required=True),
            "channel": KEY,
            "origin": KEY,
            "sessions": Field("numeric", required=True),
            "engaged_sessions": Field("numeric"),
            "users": Field("numeric"),
            "purchases": Field("numeric"),
            "revenue": Field("money"),
            "currency": TEXT,
            "changed_at": CHANGED_AT,
        },
    ),
)

# In the order of loading: what is referred to comes before what refers to it.
ENTITIES: dict[str, Entity] = {entity.name: entity for entity in _ENTITIES}

NAMING_SOMEBODY = tuple(entity.name for entity in _ENTITIES if "customer_source" in entity.fields)

ORDER_STATUSES = ("pending", "paid", "partially_refunded", "refunded", "cancelled", "voided", "fraud")
CHANGE_KINDS = ("price", "product", "service", "campaign")
TOUCHED = ("everybody", "channel", "region", "category", "customer")
ARMS = ("treatment", "control")
TICKET_STATUSES = ("new", "open", "pending", "hold", "solved", "closed", "merged")
FEEDBACK_KINDS = ("csat", "nps", "ces", "other")
ENTRY_KINDS = ("earned", "redeemed", "expired", "adjusted")
ENTRY_STATUSES = ("approved", "pending", "void")
PAYMENT_KINDS = ("payment", "refund", "chargeback")
PAYMENT_STATUSES = ("succeeded", "pending", "failed")
SEND_CHANNELS = ("email", "sms", "push", "letter", "other")
