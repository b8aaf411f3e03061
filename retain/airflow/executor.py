"""An executor whose tasks find dbt, Cosmos and Great Expectations imported already."""

from importlib import import_module

from airflow.executors.local_executor import LocalExecutor

# Seconds each, and every task would spend them again: a worker is a fork, and a fork has what its parent imported.
HEAVY = (
    "cosmos",
    "cosmos.operators.local",
    "dbt.cli.main",
    "dbt.adapters.postgres",
    "expectations",
    "retain.loads",
    "retain.transform",
)


class WarmLocalExecutor(LocalExecutor):
    """Airflow's LocalExecutor; its start imports what the tasks of Retain's DAGs need. Where there is no fork, nothing is gained."""

    def start(self) -> None:
        if self.is_mp_using_fork:
            for module in HEAVY:
                import_module(module)
        super().start()
