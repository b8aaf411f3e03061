"""The assets that the DAGs tell each other about: what was loaded, what was published, what was built."""

from airflow.sdk import Asset

from retain.entities import ENTITIES

# An asset is a table of *the* warehouse, wherever that stands today: host and port in the address are names, not places.
ADDRESS = "postgres://warehouse:5432/retain"


def _table(schema: str, table: str) -> Asset:
    return Asset(name=f"{schema}/{table}", uri=f"{ADDRESS}/{schema}/{table}", group=schema)


RAW: dict[str, Asset] = {entity: _table("raw", entity) for entity in ENTITIES}
# Rows that a person has let out of quarantine are in raw; which, is for the next build to find.
RELEASED = Asset(name="quarantine/released", uri="x-retain:quarantine/released", group="loads")
PREDICTIONS = _table("forecast", "predictions")

# All marts change in one transaction, so they are one asset.
MARTS = Asset(name="marts", uri=f"{ADDRESS}/marts/all", group="marts")
REPORT = Asset(name="report", uri="x-retain:report", group="marts")


STARTED_BY = (
    "run_type"  # what an event of `loaded` says beside: how the run of the load was started, in Airflow's words
)


def loaded(source: str) -> Asset:
    """A source was read to its end and something of it was published. What waits for loads waits for this: by then the
    entities of the source fit together, which they do not between the publishing of one entity and the next."""
    return Asset(name=f"loads/{source}", uri=f"x-retain:loads/{source}", group="loads")
