"""The BI dashboards: declared here, written down in `dashboards/` for Superset to import."""

from pathlib import Path

from retain.dashboards.churn import CHURN
from retain.dashboards.customer_value import CUSTOMER_VALUE
from retain.dashboards.files import files_of
from retain.dashboards.retention import RETENTION
from retain.dashboards.trust import TRUST

DASHBOARDS = (RETENTION, CUSTOMER_VALUE, CHURN, TRUST)
FOLDER = Path(__file__).resolve().parents[2] / "dashboards"

__all__ = ["DASHBOARDS", "FOLDER", "files_of", "write"]


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every file, and remove those that no declaration makes any more; returns what is there then."""
    wanted = {folder / path: text for path, text in files_of(DASHBOARDS).items()}
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in set(folder.rglob("*.yaml")) - set(wanted):
        path.unlink()
    return sorted(wanted)
