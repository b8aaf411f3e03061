"""The `gate:` part of retain.yml, and the part of the same name that a source may have: when a load is told of, held or refused."""

from typing import Any, Literal

from pydantic import Field, create_model

from retain.config.part import Part


class Gate(Part):
    """What a load may be like. Every default is meant for a shop that has never thought about it."""

    max_quarantined_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="A load of which a larger share of rows would be quarantined is refused whole.",
    )
    quarantine_allowance: int = Field(
        default=20, ge=0, description="So many rows may always go to quarantine, however small the load."
    )
    clock_skew_minutes: int = Field(
        default=60,
        ge=0,
        le=7 * 24 * 60,
        description="A moment further in the future than this is wrong: so far a till's clock may be ahead.",
    )
    money_identities: Literal["warn", "hold", "ignore"] = Field(
        default="warn",
        description="What to do with lines that do not add up to their order within a cent a line: warn, hold them, or ignore.",
    )
    history_days: int = Field(
        default=56, ge=14, le=400, description="How many past days say what is usual: whole weeks, for the weekdays."
    )
    min_history_days: int = Field(
        default=14, ge=7, le=400, description="With fewer past days than this nothing is called unusual."
    )
    usual_volume: float = Field(
        default=1.4,
        gt=1,
        description="A day with more than so many times the usual rows, or less than the usual divided by it, is told.",
    )
    usual_amount: float = Field(
        default=1.5,
        gt=1,
        description="Amounts that are together so many times larger, or smaller, than usual are told.",
    )
    usual_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="A share (of empty values, of one store, of one status) further than this from its usual one is told.",
    )
    refuse_factor: float = Field(
        default=8,
        gt=1,
        description="Amounts, or rows of a day, so many times larger than usual (amounts: or smaller) refuse the load.",
    )
    fresh_within_hours: float | None = Field(
        default=None,
        gt=0,
        description="A source that has sent nothing for longer is late; measured from its habits if absent.",
    )
    release_alone_up_to: int = Field(
        default=100,
        ge=0,
        description="So many rows in quarantine one person may release on Airflow's page; more need an approval there.",
    )
    data_docs: int = Field(
        default=20, ge=0, le=1000, description="For so many of the last loads Data Docs are kept; 0: none are built."
    )

    def of_source(self, own: "SourceGate | None") -> "Gate":
        """These thresholds with what a source says otherwise."""
        return self if own is None else self.model_copy(update=own.model_dump(exclude_unset=True))


class SourceGate(Part):
    """Everything of `gate:` but what is about all sources together; what is absent is as there."""


def _as_optional() -> type[SourceGate]:
    fields: dict[str, Any] = {}
    for name, info in Gate.model_fields.items():
        if name != "data_docs":
            field: Any = Field(default=None, description=info.description)
            field.metadata = info.metadata
            fields[name] = (info.annotation | None, field)  # type: ignore[operator]
    return create_model("SourceGate", __base__=SourceGate, **fields)


GateOfSource = _as_optional()
