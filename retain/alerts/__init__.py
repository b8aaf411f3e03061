"""One message per problem: what failed, how many rows, which, since when, what to do; one more when it is over."""

from retain.alerts.message import Alert
from retain.alerts.observing import observe, report_failure, report_late_run, report_success, was_told, watching
from retain.alerts.problem import Key, Kind, Problem, Scope
from retain.alerts.state import last_deliveries, open_alerts, recent_deliveries, silent_channels
from retain.alerts.telling import Attempt, send_test, tell

__all__ = [
    "Alert",
    "Attempt",
    "Key",
    "Kind",
    "Problem",
    "Scope",
    "last_deliveries",
    "observe",
    "open_alerts",
    "recent_deliveries",
    "report_failure",
    "report_late_run",
    "report_success",
    "send_test",
    "silent_channels",
    "tell",
    "was_told",
    "watching",
]
