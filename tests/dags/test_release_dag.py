"""The DAG that releases rows from quarantine, run for real: few are released at once, with who and why; many are not."""

import pytest
from shop_in_files import rows_of

from retain.config import load_settings
from retain.loads import load_sources
from retain.warehouse import prepare

NEGATIVE = "".join(f"n{n},c{n},2025-03-0{n}T10:00:00Z,paid,EUR,-{n}.00\n" for n in range(1, 5))


@pytest.fixture(scope="module")
def config(make_shop):
    """A shop of whose orders four are negative, of which up to three may be released by one person."""
    path = make_shop("release")
    path.write_text(path.read_text().replace("sources:\n", "gate: {release_alone_up_to: 3}\nsources:\n"))
    with (path.parent / "web" / "orders.csv").open("a") as orders:
        orders.write(NEGATIVE)
    settings = load_settings(path)
    prepare(settings)
    load_sources(settings, ["web"])
    return path


def open_entries(config):
    return {
        row["record_key"]: row["quarantine_id"]
        for row in rows_of(
            config, "select record_key, quarantine_id from ops.quarantine where status = 'open' and entity = 'orders'"
        )
    }


def test_few_rows_are_released_at_once_and_who_and_why_are_on_record(config, run_dags):
    held = open_entries(config)
    assert set(held) == {"n1", "n2", "n3", "n4"}
    numbers = f"{held['n1']}, {held['n2']}"
    run = run_dags(
        config, "release_quarantine", source="web", entity="orders", numbers=numbers, reason="goods sent back in March"
    )["release_quarantine"]
    assert (run.state, run.tasks["release_few"], run.tasks["approve"]) == ("success", "success", "skipped")
    assert set(open_entries(config)) == {"n3", "n4"}
    assert rows_of(config, "select decision, reason, decided_by from ops.quarantine_decisions") == 2 * [
        {"decision": "released", "reason": "goods sent back in March", "decided_by": "dag_test"}
    ]
    assert rows_of(config, "select count(*) from raw.orders where gross_amount < 0") == [{"count": 2}]
