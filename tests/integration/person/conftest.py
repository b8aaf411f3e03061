"""One shop with one person in every layer, for all tests of a file."""

import pytest
from person_shop import Shop, made


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory) -> Shop:
    folder = tmp_path_factory.mktemp("person")
    folder.chmod(0o755)
    name = folder.name.replace("-", "_")
    server.create_database(name)
    return made(folder, "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**server.dsn(name)))
