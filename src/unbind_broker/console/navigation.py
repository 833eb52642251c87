"""The menu."""

from dataclasses import dataclass

from unbind_broker.keys.tables import Role


@dataclass(frozen=True)
class Entry:
    """One line of the menu: where it leads, and the key of its words."""

    address: str
    words: str
    roles: tuple[Role, ...] = (Role.ADMIN,)

    def holds(self, path: str) -> bool:
        """Tell whether a page belongs to this entry."""
        if self.address == "/console":
            return path == self.address
        return path == self.address or path.startswith(f"{self.address}/")


BOTH = (Role.ADMIN, Role.AUDITOR)

ENTRIES = (
    Entry("/console", "nav.overview"),
    Entry("/console/platforms", "nav.platforms"),
    Entry("/console/orders", "nav.orders"),
    Entry("/console/undeliverable", "nav.undeliverable"),
    Entry("/console/clearances", "nav.clearances"),
    Entry("/console/violations", "nav.violations"),
    Entry("/console/holdings", "nav.holdings"),
    Entry("/console/carriers", "nav.carriers"),
    Entry("/console/brake", "nav.brake"),
    Entry("/console/audit", "nav.audit", BOTH),
    Entry("/console/keys", "nav.keys"),
    Entry("/console/session", "nav.session", BOTH),
)
"""In the order of the menu."""


def entries_for(role: Role) -> tuple[Entry, ...]:
    """Return what a role sees."""
    return tuple(entry for entry in ENTRIES if role in entry.roles)


def home_of(role: Role) -> str:
    """Return where a role begins."""
    return entries_for(role)[0].address
