"""dbt keeps its sessions from model to model, and replaces one that has ended."""

import pytest

from retain.transform import arguments, run_dbt

OF_DBT = "from pg_stat_activity where datname = current_database() and application_name = 'retain dbt'"


@pytest.fixture
def views(empty):
    """Run dbt for the staging views, one thread, and ask the warehouse something after each."""

    def run(statement):
        answers = []
        chosen = ["--select", "path:models/staging", "--threads", "1"]
        command = [*arguments(empty.settings, "run"), *chosen]
        made = run_dbt(empty.settings, command, lambda *_: answers.append(empty.ask(statement)))
        return made.models, answers

    return run


def test_a_command_of_dbt_does_with_a_few_sessions(views):
    models, seen = views(f"select pid {OF_DBT}")
    assert models > 12
    assert len({pid for answer in seen for (pid,) in answer}) <= 4


def test_a_session_that_the_server_ended_between_two_models_is_replaced(views):
    models, ended = views(f"select pg_terminate_backend(pid, 1000) {OF_DBT}")
    assert models > 12
    assert sum(len(answer) for answer in ended) >= models
