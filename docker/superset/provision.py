"""Bring Superset to the state of this folder's neighbours: its database, one administrator, the dashboards of a folder.

Usage: provision.py DASHBOARDS    (with the environment that superset_config.py reads, and RETAIN_BI_ADMIN_PASSWORD)
May be run at any time and ends in the same state. What is no longer in the folder is removed; what people made stays.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from superset.app import create_app

ADMIN = "admin"
KINDS = ("databases", "datasets", "charts", "dashboards")
OURS = "retain:"  # `external_url` of everything that came from the folder


def main() -> int:
    folder = Path(sys.argv[1])
    with create_app().app_context():
        from superset.utils.core import override_user

        migrate()
        with override_user(administrator(os.environ["RETAIN_BI_ADMIN_PASSWORD"])):
            contents = read(folder)
            import_assets(contents)
            removed = prune(uuids_of(contents))
    print(f"{len(contents) - 1} files imported" + (f", {removed} that were no longer there removed" if removed else ""))
    return 0


def migrate() -> None:
    """Superset's own database, its permissions and its roles, as this release wants them."""
    import superset
    from flask_migrate import upgrade
    from superset import appbuilder, security_manager

    upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()


def administrator(password: str) -> Any:
    """The one user whom Retain makes; the password is always that of the environment."""
    from superset import security_manager
    from werkzeug.security import check_password_hash

    user = security_manager.find_user(username=ADMIN)
    if user is None:
        role = security_manager.find_role("Admin")
        return security_manager.add_user(ADMIN, "Retain", "Admin", "admin@localhost", role, password=password)
    if not check_password_hash(user.password, password):  # a new hash would end every session
        security_manager.reset_password(user.id, password)
    return user


def read(folder: Path) -> dict[str, str]:
    """Name of a file within the folder, to its text, as Superset's importer takes them."""
    files = [folder / "metadata.yaml", *(file for kind in KINDS for file in sorted((folder / kind).rglob("*.yaml")))]
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in files}


def import_assets(contents: dict[str, str]) -> None:
    from superset.commands.exceptions import CommandInvalidError
    from superset.commands.importers.v1.assets import ImportAssetsCommand

    try:
        ImportAssetsCommand(contents).run()
    except CommandInvalidError as error:
        raise SystemExit(f"The dashboards are not as Superset wants them: {error.normalized_messages()}") from None


def uuids_of(contents: dict[str, str]) -> set[str]:
    import yaml

    return {str(yaml.safe_load(text)["uuid"]) for name, text in contents.items() if "/" in name}


def prune(kept: set[str]) -> int:
    """Remove what came from the folder and is not in it any more, unless something that a person made still uses it."""
    from superset import db
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.core import Database
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    def gone(model: Any) -> Iterable[Any]:
        found = db.session.query(model).filter(model.external_url.startswith(OURS)).all()
        return [thing for thing in found if str(thing.uuid) not in kept]

    removed = 0
    for model, users in (
        (Dashboard, lambda dashboard: []),
        (Slice, lambda chart: chart.dashboards),
        (SqlaTable, lambda dataset: db.session.query(Slice).filter_by(datasource_id=dataset.id).all()),
        (Database, lambda database: database.tables),
    ):
        for thing in gone(model):
            if not users(thing):
                db.session.delete(thing)
                removed += 1
        db.session.commit()  # the next kind is looked at as it then is
    return removed


if __name__ == "__main__":
    sys.exit(main())
