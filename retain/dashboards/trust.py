"""The dashboard *Trust*: whether the figures of the others may be believed today."""

from retain.dashboards.datasets import DRIFT, GRADES, HEALTH, LOADS, QUARANTINE, RECONCILIATION, RULES
from retain.dashboards.kinds import bars, lines, rows, table, tile
from retain.dashboards.parts import Dashboard, Filter

HEALTH_COLUMNS: dict[str, dict[str, str]] = {
    name: {}
    for name in (
        "source", "entity", "last_status", "last_loaded_at", "rows_sent", "rows_accepted", "rows_quarantined",
        "open_quarantined_rows", "verified_through", "source_verified_through", "message",
    )
}  # fmt: skip

TRUST = Dashboard(
    "trust",
    "Trust",
    "Whether the figures may be believed: loads, rules, quarantine, reconciliation, and how forecasts turned out.",
    rows=(
        (
            tile(
                "complete_until",
                "Complete until",
                HEALTH,
                "complete_until",
                "UTC, of the source furthest behind",
                width=4,
            ),
            tile("failing", "Last load failed", HEALTH, "failing_entities", "entities"),
            tile("bad_loads", "Bad loads", LOADS, "bad_loads", "refused or failed"),
            tile("open_rows", "In quarantine", HEALTH, "open_quarantined_rows", "rows wait"),
            tile("unexplained", "Unexplained", RECONCILIATION, "unexplained_records", "records, always 0"),
        ),
        (
            rows(
                "health",
                "The last load of each entity, and until when it is verified",
                HEALTH,
                HEALTH_COLUMNS,
                "last_loaded_at",
                width=12,
                height=58,
                table_timestamp_format="%Y-%m-%d %H:%M",
                page_length=0,
            ),
        ),
        (
            bars(
                "loads_by_day",
                "Loads by what became of them",
                LOADS,
                "started_on",
                ["loads"],
                "status",
                width=6,
                height=42,
                stack="Stack",
                x_axis_time_format="%d %b",
            ),
            bars(
                "rows_by_day",
                "Rows sent, by source",
                LOADS,
                "started_on",
                ["rows_sent"],
                "source",
                width=6,
                height=42,
                stack="Stack",
                x_axis_time_format="%d %b",
            ),
        ),
        (
            table(
                "rules",
                "Rules that found something",
                RULES,
                ["source", "entity", "severity", "message"],
                ["rows_failed", "failed_validations", "validations"],
                "rows_failed",
                width=6,
                height=52,
                where=(("failed_validations", ">", 0),),
            ),
            table(
                "quarantine",
                "Rows held back, by rule",
                QUARANTINE,
                ["rule"],
                ["open_rows", "waiting_rows", "closed_rows", "released_rows", "discarded_rows"],
                "open_rows",
                width=6,
                height=52,
                description="A row that two rules hold back counts in both.",
            ),
        ),
        (
            table(
                "reconciliation",
                "What the sources sent, and where it is",
                RECONCILIATION,
                ["source", "entity"],
                ["source_records", "raw_records", "quarantined_records", "discarded_records", "unexplained_records"],
                "source_records",
                width=12,
                height=52,
            ),
        ),
        (
            lines(
                "calibration",
                "Of those told a chance of no order in 90 days, so many had none",
                GRADES,
                "band",
                ["expected_rate", "observed_rate"],
                width=6,
                height=48,
                x_axis_title="tenth of customers, by what was said",
                xAxisForceCategorical=True,
                markerEnabled=True,
                y_axis_bounds=[0, 1],
                where=(
                    ("is_newest", "==", True),
                    ("target", "==", "no_order"),
                    ("band", ">", 0),
                    ("is_published", "==", True),
                    ("horizon_days", "==", 90),
                ),
            ),
            table(
                "grades",
                "Chance of no order: beside naive rules",
                GRADES,
                ["horizon", "who"],
                ["expected_rate", "observed_rate", "brier_score", "auc"],
                width=6,
                height=48,
                where=(("is_newest", "==", True), ("target", "==", "no_order"), ("band", "==", 0)),
                largest="place",
                order_desc=False,
            ),
        ),
        (
            table(
                "drift",
                "How far customers and scores have moved since the models were trained",
                DRIFT,
                ["as_of_on", "kind", "name", "level"],
                ["stability_index"],
                "stability_index",
                width=12,
                height=40,
            ),
        ),
    ),
    filters=(
        Filter("time", "Period", None, None),
        Filter("source", "Source", HEALTH, "source"),
        Filter("entity", "Entity", HEALTH, "entity"),
    ),
)
