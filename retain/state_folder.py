"""The folder of what Retain keeps itself: made when it is first needed, with the passwords that Retain makes."""

import json
import secrets
import tempfile
from pathlib import Path

from retain.errors import UserError


def make_folder(path: Path) -> None:
    """Make a folder, and those around it, where they do not exist. Raises UserError when the path cannot be one."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = "a file is in its place" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise UserError(
            f"The folder {path} cannot be made: {said}.",
            hint="`warehouse.folder` of retain.yml says where it is to be.",
        ) from None


def secret(folder: Path, name: str) -> str:
    """A password kept in `folder`/secrets.json (mode 0600), made when first asked for. Raises UserError for a damaged file."""
    path = folder / "secrets.json"
    make_folder(folder)
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        kept = {}
    except ValueError:
        kept = None
    if not isinstance(kept, dict):
        raise UserError(
            f"{path} is damaged: it is no JSON document of names and passwords.",
            hint="Put a copy of it back. Without one the warehouse cannot be opened, and erased people not be recognised.",
        )
    if name not in kept:
        kept[name] = secrets.token_urlsafe(24)
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".secrets-", delete=False) as new:  # 0600 by nature
            new.write(json.dumps(kept, indent=1))
        Path(new.name).replace(path)
    return str(kept[name])
