"""The `landing:` and `maintenance:` parts of retain.yml: for how long what sources sent, logs and past runs are kept."""

from pydantic import Field

from retain.config.part import Part


class Landing(Part):
    """Absent or empty: everything is kept for ever."""

    keep_days: int | None = Field(
        default=None,
        ge=1,
        le=36600,
        description="Versions that nothing needs any more are deleted from landing after so many days; never if absent.",
    )


class Maintenance(Part):
    """What the DAG `maintain_warehouse` deletes of Retain's and Airflow's own traces."""

    keep_logs_days: int = Field(
        default=60, ge=1, le=36600, description="Log files that nobody has written to for so many days are deleted."
    )
    keep_runs_days: int = Field(
        default=180,
        ge=8,
        le=36600,
        description="Airflow's own history of runs is kept for so many days, and the last run of each DAG for ever.",
    )
