"""Superset's settings for Retain: no telemetry, nothing from the internet, the warehouse by its read-only role.

Everything comes from the environment, and secrets come from nowhere else:
  RETAIN_BI_SECRET_KEY      signs sessions and encrypts what Superset stores; at least 32 characters
  RETAIN_BI_METADATA_URL    Superset's own database, as SQLAlchemy writes it: postgresql+psycopg2://user:password@host:port/db
  RETAIN_BI_HOST, RETAIN_BI_PORT, RETAIN_BI_DATABASE, RETAIN_BI_USER, RETAIN_BI_PASSWORD    the warehouse, read-only
"""

import hashlib
import os
from copy import deepcopy
from typing import Any

from sqlalchemy.engine import URL
from superset.config import TALISMAN_CONFIG as SUPERSETS_OWN

WAREHOUSE = "retain.warehouse"  # the host in dashboards/databases: it stands for the one of the environment


def _derived(purpose: str) -> str:
    return hashlib.sha256(f"{purpose} {SECRET_KEY}".encode()).hexdigest()


SECRET_KEY = os.environ["RETAIN_BI_SECRET_KEY"]
if len(SECRET_KEY) < 32:
    raise ValueError("RETAIN_BI_SECRET_KEY has fewer than 32 characters: `openssl rand -base64 42` makes a good one.")
GUEST_TOKEN_JWT_SECRET = _derived("guest tokens")  # Superset's defaults for these two are public
GLOBAL_ASYNC_QUERIES_JWT_SECRET = _derived("asynchronous queries")
SQLALCHEMY_DATABASE_URI = os.environ["RETAIN_BI_METADATA_URL"]


def DB_CONNECTION_MUTATOR(  # noqa: N802 -- Superset looks for this name
    uri: URL, parameters: dict[str, Any], username: str, security_manager: Any, source: Any
) -> tuple[URL, dict[str, Any]]:
    """Reach the warehouse where it is now; its address and password are never stored in Superset."""
    if uri.host != WAREHOUSE:
        return uri, parameters
    address = uri.set(
        host=os.environ["RETAIN_BI_HOST"],
        port=int(os.environ["RETAIN_BI_PORT"]),
        database=os.environ["RETAIN_BI_DATABASE"],
        username=os.environ["RETAIN_BI_USER"],
        password=os.environ["RETAIN_BI_PASSWORD"],
    )
    return address, parameters


# The page may ask nobody but the server it came from: no telemetry pixel, no maps, no fonts from elsewhere.
TALISMAN_CONFIG = deepcopy(SUPERSETS_OWN)
TALISMAN_CONFIG["content_security_policy"] |= {
    "img-src": ["'self'", "blob:", "data:"],
    "connect-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "font-src": ["'self'"],
}

APP_NAME = "Retain"
FEATURE_FLAGS = {"DASHBOARD_RBAC": True}  # who may see a dashboard is said on the dashboard
PUBLIC_ROLE_LIKE = None
FAB_API_SWAGGER_UI = False
SESSION_COOKIE_SAMESITE = "Lax"
SQLLAB_TIMEOUT = 60
SUPERSET_WEBSERVER_TIMEOUT = 300  # the role's own limit of a statement
# Nothing is cached: the marts move as one, and a figure of before must not stand beside one of after.
EXTRA_SEQUENTIAL_COLOR_SCHEMES = [
    {
        "id": "retain_heat",
        "description": "the report's one hue, light to dark: reads in grey too",
        "label": "Retain heat",
        "isDiverging": False,
        "colors": ["#eaf2f4", "#b7d6df", "#74aec2", "#357f9b", "#0d4159"],
    }
]
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "retain",
        "description": "the colours of Retain's report",
        "label": "Retain",
        "colors": ["#12506b", "#e3a857", "#c4622d", "#4d93ad", "#8a9a5b", "#8f3f17", "#a9cbd8", "#6d597a", "#566570"],
    }
]
