"""Run DAGs one after the other in a process of their own, as `airflow dags test` does; write down how they ended.

Usage: run_dags.py OUTPUT DAG_ID...  (RETAIN_CONFIG names the retain.yml; CONF is what a person fills in on the form, as JSON)
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

DAGS = Path(__file__).parents[2] / "dags"


def main() -> None:
    from airflow.dag_processing.dagbag import DagBag

    from retain.airflow.executor import HEAVY

    for module in HEAVY:
        import_module(module)
    dbt_tests = listen_to_dbt()
    output, *dag_ids = sys.argv[1:]
    sys.argv[1:] = ["dags", "test"]
    bag = DagBag(DAGS)
    if bag.import_errors:
        sys.exit(str(bag.import_errors))
    runs = {}
    for dag_id in dag_ids:
        done = bag.dags[dag_id].test(run_conf=json.loads(os.environ.get("CONF", "{}")))
        tasks = {task.task_id: str(task.state) for task in done.get_task_instances()}
        runs[dag_id] = {"state": str(done.state), "tasks": tasks, "dbt_tests": list(dbt_tests)}
        dbt_tests.clear()
    Path(output).write_text(json.dumps(runs))


def listen_to_dbt() -> list[str]:
    """A list that grows by the name of every test that dbt runs in this process."""
    from dbt.cli.main import dbtRunner

    names: list[str] = []
    invoke = dbtRunner.invoke

    def listen(runner: dbtRunner, *args: Any, **kwargs: Any) -> Any:
        outcome = invoke(runner, *args, **kwargs)
        results = getattr(outcome.result, "results", [])
        names.extend(result.node.name for result in results if "test" in str(result.node.resource_type))
        return outcome

    dbtRunner.invoke = listen
    return names


if __name__ == "__main__":
    main()
