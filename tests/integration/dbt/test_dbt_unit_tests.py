"""A build leaves dbt's unit tests out: they judge the SQL and not the data. Here they run."""

from retain.transform import arguments, run_dbt


def test_every_unit_test_of_the_models_holds(from_everything):
    settings = from_everything.settings
    result = run_dbt(settings, [*arguments(settings, "test"), "--select", "test_type:unit"])
    assert result.tests >= 45
