"""Superset on Retain's dashboards: a local one in the foreground (`run_superset`)."""

from retain.superset.local import run_superset

__all__ = ["run_superset"]
