"""What every part of retain.yml has in common, and what every mapping of an entity has."""

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of retain.yml: an unknown key is an error, and nothing changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class Mapping(Part):
    """Which expression of the source is which field, and what holds where the source has none."""

    fields: dict[str, str] = Field(description="Field of Retain: expression of the source.")
    defaults: dict[str, str] = Field(
        default={}, description="Field of Retain: the value it has in every row of this source."
    )
    where: str | None = Field(default=None, min_length=1, description="Condition that a row must meet to be read.")
