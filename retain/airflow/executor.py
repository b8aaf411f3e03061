"""An executor whose tasks find dbt and Great Expectations imported already."""

import tempfile
from importlib import import_module
from pathlib import Path

from airflow.executors.local_executor import LocalExecutor

# Seconds each, and every task would spend them again: a worker is a fork, and a fork has what its parent imported.
HEAVY = (
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.decorators.sensor",
    "airflow.sdk.definitions.decorators",
    "dbt.cli.main",
    "dbt.adapters.postgres",
    "expectations",
    "retain.airflow.building",
    "retain.airflow.models",
    "retain.alerts.airflow_notifier",
    "retain.loads",
    "retain.transform",
)


class WarmLocalExecutor(LocalExecutor):
    """Airflow's LocalExecutor; its start imports what the tasks of Retain's DAGs need. Where there is no fork, nothing is gained."""

    def start(self) -> None:
        if self.is_mp_using_fork:
            for module in HEAVY:
                import_module(module)
            begin_dbt_once()
        super().start()


def begin_dbt_once() -> bool:
    """List the models of a project without any: a second's work that dbt does at its first start in a process, and keeps.

    It makes the checks of its own settings, and looks up the file of every module. What goes wrong here goes wrong again,
    and is said, where a model is built.
    """
    from dbt.adapters.factory import reset_adapters
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    from retain.transform import places

    try:
        with tempfile.TemporaryDirectory() as folder:
            options = ["--quiet", "--no-send-anonymous-usage-stats", *places(Path(folder), Path(folder))]
            return dbtRunner(Manifest()).invoke(["list", *options]).success
    finally:
        reset_adapters()  # type: ignore[no-untyped-call]  # a task connects as who it is
