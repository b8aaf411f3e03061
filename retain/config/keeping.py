"""The `landing:` part of retain.yml: for how long the versions that sources sent are kept."""

from pydantic import BaseModel, ConfigDict, Field


class Landing(BaseModel):
    """Absent or empty: everything is kept for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    keep_days: int | None = Field(
        default=None,
        ge=1,
        le=36600,
        description="Versions that nothing needs any more are deleted from landing after so many days; never if absent.",
    )
