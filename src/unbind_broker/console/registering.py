"""What previews say of entries of the registry: what they hold, and what changes."""

from collections.abc import Mapping

from unbind_broker.console.visits import Visit

Lines = tuple[tuple[str, str], ...]


def whole(visit: Visit, prefix: str, entry: Mapping[str, object]) -> Lines:
    """Tell every field; its words have the key ``prefix`` and its name."""
    return tuple((f"{prefix}{name}", _told(visit, one)) for name, one in entry.items())


def changes(
    visit: Visit, prefix: str, before: Mapping[str, object], new: Mapping[str, object]
) -> Lines:
    """Tell the fields that change, as they are and as they will be."""
    return tuple(
        (f"{prefix}{name}", f"{_told(visit, before[name])} → {_told(visit, one)}")
        for name, one in new.items()
    )


def _told(visit: Visit, value: object) -> str:
    if isinstance(value, bool):
        return visit.say("registry.yes" if value else "registry.no")
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)
