"""A warehouse whose marts are known to the last row; one for a whole file of tests that only look, or one for a test."""

from itertools import count

import pytest
from report_marts import fill, fill_empty, prepared

from retain.report import write_report

NUMBERS = count(1)


@pytest.fixture(scope="module")
def new_warehouse(server, tmp_path_factory):
    """Make a prepared warehouse without marts, in a database and a folder of its own."""

    def make():
        name = f"report_{next(NUMBERS)}"
        server.create_database(name)
        url = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**server.dsn(name))
        return prepared(tmp_path_factory.mktemp(name) / "retain.yml", url)

    return make


@pytest.fixture(scope="module")
def marts(new_warehouse):
    """The marts of a small shop, to look at."""
    made = new_warehouse()
    fill(made)
    return made


@pytest.fixture
def own_marts(new_warehouse):
    """The same, to change."""
    made = new_warehouse()
    fill(made)
    return made


@pytest.fixture(scope="module")
def empty_marts(new_warehouse):
    """The marts of a shop that has sold nothing."""
    made = new_warehouse()
    fill_empty(made)
    return made


@pytest.fixture(scope="module")
def report(marts):
    """The page of the small shop, with the picture beside it."""
    return write_report(marts.settings)
