"""What makes a `shopify` source of retain.yml wrong beyond its shape: its shop, its secrets, entities that Shopify does not have."""

import re
from typing import Any

from retain.config.document import Document, KeyPath
from retain.config.rest_checks import check_address, check_paths
from retain.config.shopify import DOMAIN
from retain.config.wording import one_of, shown
from retain.sources.shopify_entities import SHAPES

SHOP = re.compile(r"(?i)[a-z0-9][a-z0-9-]*")


def note_shopify_problems(document: Document, here: KeyPath, source: dict[str, Any]) -> None:
    """Everything about a `shopify` source as a whole that its shape does not tell."""
    shop = source.get("shop")
    if isinstance(shop, str) and not SHOP.fullmatch(shop.strip().removesuffix(DOMAIN)):
        document.refuse(
            (*here, "shop"), f"found {shown(document, (*here, 'shop'))}; wanted what stands before {DOMAIN}"
        )
    check_address(document, (*here, "url"))
    by_client = [key for key in ("client_id", "client_secret") if source.get(key)]
    if source.get("token") and by_client:
        document.refuse((*here, by_client[0]), "both `token` and a client are given; keep one", of_key=True)
    elif not source.get("token") and len(by_client) < 2:
        missing = "`token`, or `client_id` and `client_secret`, is needed"
        document.refuse(here, missing if not by_client else "`client_id` and `client_secret` are needed together")


def note_shopify_entity_problems(document: Document, path: KeyPath, entity: dict[str, Any]) -> None:
    """Everything about one entity of a `shopify` source that its shape does not tell."""
    if path[-1] not in SHAPES:
        document.refuse(path, f"Shopify has none; {one_of(SHAPES)}", of_key=True)
    fields = entity.get("fields")
    for name, text in fields.items() if isinstance(fields, dict) else ():
        if isinstance(text, str):
            check_paths(document, (*path, "fields", name), text)
