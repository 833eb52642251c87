"""The built-in catalogue of mainstream services that bind accounts to numbers."""

import json
from dataclasses import dataclass
from importlib.resources import files

CATEGORIES = frozenset(
    {
        "ai", "automotive", "bank", "cloud", "dating", "developer", "devices",
        "education", "fitness", "food", "gaming", "government", "groceries", "health",
        "housing", "insurance", "lending", "live-streaming", "local-life", "logistics",
        "lottery", "maps", "messaging", "music", "news", "office", "parenting",
        "payment", "reading", "recruitment", "shopping", "smart-home", "social",
        "telecom", "ticketing", "tools", "transport", "travel", "video", "wealth",
    }
)  # fmt: skip

# That such a service knows a number tells something intimate about its holder.
SENSITIVE_CATEGORIES = frozenset({"dating", "health", "lending", "lottery"})


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """Describe one service; its domains are those that it really runs on."""

    slug: str
    name_zh: str
    name_en: str
    category: str
    sensitive: bool
    domains: tuple[str, ...]


def load_catalogue() -> tuple[CatalogueEntry, ...]:
    """Read the catalogue that is shipped with the package, in the order of slugs."""
    source = files("unbind_broker.platforms") / "catalogue.json"
    return tuple(
        CatalogueEntry(**{**entry, "domains": tuple(entry["domains"])})
        for entry in json.loads(source.read_text("utf-8"))
    )
