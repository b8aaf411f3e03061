"""What a DAG's page says of it: the docstring of its file, with the runbook as a link where retain.yml says where runbooks are read."""

import re

from retain.config import Settings

RUNBOOK = re.compile(r"^Runbook: docs/runbooks/(\S+)$", re.MULTILINE)


def page_of(docstring: str | None, config: Settings) -> str:
    """Raises ValueError for a DAG whose docstring does not end with its runbook: no DAG goes without."""
    words = docstring or ""
    if not RUNBOOK.search(words):
        raise ValueError("The docstring of a DAG's file ends with `Runbook: docs/runbooks/….md`.")
    base = config.alerts.runbooks
    return words if base is None else RUNBOOK.sub(rf"Runbook: [\1]({base.rstrip('/')}/\1)", words)
