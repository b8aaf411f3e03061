"""The `landing:` and `maintenance:` parts of retain.yml: for how long what sources sent, logs and past runs are kept."""

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


class Maintenance(BaseModel):
    """What the DAG `maintain_warehouse` deletes of Retain's and Airflow's own traces."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    keep_logs_days: int = Field(
        default=60, ge=1, le=36600, description="Log files that nobody has written to for so many days are deleted."
    )
    keep_runs_days: int = Field(
        default=180,
        ge=8,
        le=36600,
        description="Airflow's own history of runs is kept for so many days, and the last run of each DAG for ever.",
    )
