"""The `shopify` sources of retain.yml: the shop, how it lets us in, and which entities; everything else is known of Shopify."""

from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator

from retain.config.gating import GateOfSource
from retain.config.part import Mapping, Part
from retain.sources.shopify_entities import SHAPES

DOMAIN = ".myshopify.com"


class ShopifyEntity(Mapping):
    select: str | None = Field(
        default=None,
        min_length=1,
        description="More fields to ask for, in GraphQL, e.g. inventoryItem { unitCost { amount } }.",
    )


class ShopifySource(Part):
    type: Literal["shopify"] = "shopify"
    name: str = Field(description="Short name of the source: it is part of every key.")
    shop: str = Field(min_length=1, description="Name of the shop: what stands before .myshopify.com.")
    token: SecretStr | None = Field(default=None, description="Access token of the app, e.g. ${SHOPIFY_TOKEN}.")
    client_id: SecretStr | None = Field(default=None, description="The app's client id, instead of `token`.")
    client_secret: SecretStr | None = Field(default=None, description="The app's client secret, beside `client_id`.")
    url: str | None = Field(default=None, min_length=1, description="Another address than https://SHOP.myshopify.com.")
    overlap_minutes: int = Field(
        default=60, ge=0, description="How far each load reaches back before the last one, for records that came late."
    )
    settle_minutes: int = Field(default=1, ge=0, description="Records younger than this are left for the next load.")
    entities: dict[str, ShopifyEntity] = Field(min_length=1, description="What is read of the shop.")
    gate: GateOfSource | None = Field(  # type: ignore[valid-type]
        default=None, description="Thresholds of the gate that are different for this source."
    )

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, values: Any) -> Any:
        entities = values.get("entities") if isinstance(values, dict) else None
        if not isinstance(entities, dict):
            return values
        return {**values, "entities": {name: filled_in(name, entity) for name, entity in entities.items()}}

    @property
    def address(self) -> str:
        return (self.url or f"https://{self.shop.removesuffix(DOMAIN)}{DOMAIN}").rstrip("/")

    @property
    def timezone(self) -> str:
        """Every time of the GraphQL Admin API has an offset."""
        return "UTC"


def filled_in(name: str, entity: Any) -> Any:
    """What retain.yml says of an entity, with what is known of Shopify where it says nothing."""
    shape = SHAPES.get(name)
    given = {} if entity is None else entity
    if shape is None or not isinstance(given, dict):
        return given
    fields, defaults = given.get("fields") or {}, given.get("defaults") or {}
    if not isinstance(fields, dict) or not isinstance(defaults, dict):
        return given
    known = {field: text for field, text in shape.fields.items() if field not in defaults}
    return {**({"where": shape.where} if shape.where else {}), **given, "fields": {**known, **fields}}
