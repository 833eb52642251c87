"""Who can be asked, and who you are."""

from typing import Any

from pydantic import Field

from unbind_broker.client.shapes import Page, Shape


class Platform(Shape):
    """A platform as everybody sees it."""

    slug: str
    name_zh: str
    name_en: str
    category: str
    sensitive: bool = False
    capabilities: list[str] = Field(default_factory=list)
    cancel_url: str | None = None
    accepting: bool
    punctuality: float | None = None


class PlatformPage(Page[Platform]):
    """Platforms in the order of their slugs."""


class Party(Shape):
    """The carrier that the key speaks for."""

    slug: str
    name_zh: str
    name_en: str
    status: str


class Me(Shape):
    """Who the key speaks for, and how often it may call."""

    role: str
    carrier: Party | None = None
    key: dict[str, Any]
    rate_limit: dict[str, float]
