"""Retain in Airflow: a whole local Airflow in the foreground (`run_airflow`), and what the DAGs of dags/ share."""

from retain.airflow.local import run_airflow

__all__ = ["run_airflow"]
