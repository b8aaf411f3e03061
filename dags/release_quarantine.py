"""Publish rows that wait in quarantine, as they were sent, past the rules that held them; a large release is approved by a person.

Triggered by a person, who says which rows and why on the form. Up to `gate.release_alone_up_to` rows (100, unless retain.yml says
otherwise) are released at once. With more, `approve` waits for up to a week: whoever may act on this DAG sees on its page (*Required
actions*) how many rows these are, what they broke and why they are to be released, and approves or rejects. Rejected, or not
answered in time, nothing is released. Who asked, who approved and why are kept with each row (`retain quarantine show N`).

Rows that come to quarantine after the request was counted are not part of it. A release cannot be taken back.

Runbook: docs/runbooks/quarantine_growing.md
"""

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag, task

from retain.airflow.documentation import page_of
from retain.airflow.pools import LOADS
from retain.airflow.tasks import in_words
from retain.assets import RELEASED
from retain.config import settings

SOURCES = [source.name for source in settings().sources]
ENTITIES = list(dict.fromkeys(entity for source in settings().sources for entity in source.entities))
QUESTION = """\
**{{ params.source }}: {{ params.entity }}**, asked for by {{ dag_run.triggering_user_name or 'somebody at a command line' }}

*{{ params.reason }}*

What these rows broke, and how many of them:
{% for reason in ti.xcom_pull(task_ids='choose')['reasons'] %}
- {{ reason }}
{%- endfor %}

For example {{ ti.xcom_pull(task_ids='choose')['keys'] | join(', ') }}; `retain quarantine list` shows all.
They are published as they were sent, reach the marts with the next build, and cannot be taken back.
"""


@task
def choose(params: Any = None) -> dict[str, Any]:
    from dataclasses import asdict

    from retain.releases import choose

    with in_words():
        return asdict(choose(settings(), wanted(params)))


@task.branch
def how_many(chosen: dict[str, Any], params: Any = None) -> str:
    alone = settings().gate_of(params["source"]).release_alone_up_to
    return "release_few" if chosen["rows"] <= alone else "approve"


@task(retries=2, outlets=[RELEASED])
def release(chosen: dict[str, Any], ti: Any = None, dag_run: Any = None, params: Any = None) -> int:
    from retain.releases import release_chosen

    who = dag_run.triggering_user_name or "somebody at a command line"
    answer = ti.xcom_pull(task_ids="approve")
    if answer is not None:
        who += f", approved by {answer['responded_by_user']['name']}"
    with in_words():
        return release_chosen(settings(), wanted(params), chosen["newest"], params["reason"], who).entries


def wanted(params: Any) -> Any:
    from retain.releases import Wanted, numbers_of

    return Wanted(params["source"], params["entity"], params["rule"] or None, numbers_of(params["numbers"]))


@dag(
    schedule=None,
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=16,  # one may wait for its approval for days
    default_args={"owner": "data-platform", "pool": LOADS, "retries": 0, "retry_delay": timedelta(seconds=30)},
    params={
        "source": Param(SOURCES[0], type="string", enum=SOURCES, description="The source of the rows."),
        "entity": Param(ENTITIES[0], type="string", enum=ENTITIES, description="What the rows are."),
        "rule": Param(None, type=["null", "string"], description="Only rows that broke this rule; empty: whatever they broke."),
        "numbers": Param(None, type=["null", "string"], description="Only these entries, such as 4711 4712; empty: all of them."),
        "reason": Param(type="string", minLength=3, description="Why, as it will be read in a year."),
    },
    tags=["layer:load", "tier:2"],
    doc_md=page_of(__doc__, settings()),
)  # fmt: skip
def release_quarantine() -> None:
    chosen: Any = choose()
    approve = ApprovalOperator(
        task_id="approve",
        subject="Release {{ '{:,}'.format(ti.xcom_pull(task_ids='choose')['rows']) }} rows from quarantine?",
        body=QUESTION,
        response_timeout=timedelta(days=7),
    )
    few: Any = release.override(task_id="release_few")(chosen)
    approved: Any = release.override(task_id="release_approved")(chosen)
    how_many(chosen) >> [few, approve]
    approve >> approved


release_quarantine()
