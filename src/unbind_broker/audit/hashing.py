"""What is sealed of an event, byte for byte, and Merkle trees over it (RFC 6962 §2.1).

The canonical bytes of an event are a JSON object in UTF-8, its members and those of
every object inside ``facts`` sorted by code point, without white space:

* ``action``, ``actor``: text as recorded;
* ``at``: RFC 3339 in UTC with six digits of a second, ending in ``Z``;
* ``facts``: the object as recorded;
* ``id``: the event's UUID; ``order_id``: the order's UUID or null;
* ``number_index``: the number's blind index in lower-case hex, or null;
* ``xid``: the id of the transaction that recorded it, an integer.

These are all columns of the table. An instant or facts that no program of ours can have
written (before the year 1, numbers of thousands of digits) stand as the database's own
text of them, so that nothing put there by hand can stop sealing or checking.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

_LEAF = b"\x00"
_NODE = b"\x01"

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it stands; ``at`` and ``facts`` are the database's text of them."""

    id: UUID
    xid: int
    at: str
    actor: str
    action: str
    order_id: UUID | None
    number_index: bytes | None
    facts: str


def event_members(event: Event) -> dict[str, object]:
    """Give the members of the canonical object."""
    return {
        "action": event.action,
        "actor": event.actor,
        "at": write_instant(event.at),
        "facts": _facts(event.facts),
        "id": str(event.id),
        "number_index": None
        if event.number_index is None
        else event.number_index.hex(),
        "order_id": None if event.order_id is None else str(event.order_id),
        "xid": event.xid,
    }


def canonical_event(event: Event) -> bytes:
    """Write the canonical bytes of an event; never raises."""
    members = event_members(event)
    try:
        return canonical_json(members)
    except RecursionError:
        return canonical_json({**members, "facts": event.facts})


def canonical_json(value: object) -> bytes:
    """Write JSON with sorted members, without white space, in UTF-8."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode("utf-8")


def write_instant(text: str) -> str:
    """Write an ISO 8601 instant with microseconds in UTC; what is none, as it is."""
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def leaf_hash(content: bytes) -> bytes:
    """Hash one leaf."""
    return hashlib.sha256(_LEAF + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes into the one above them."""
    return hashlib.sha256(_NODE + left + right).digest()


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """Compute the root over leaf hashes, holding no more than one per level."""
    growing = GrowingTree()
    for leaf in leaves:
        growing.add(leaf)
    return growing.root()


class GrowingTree:
    """Take leaf hashes one by one; memory grows with the tree's height alone."""

    def __init__(self) -> None:
        self.leaves = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append a leaf: every level that it completes becomes one node."""
        node, complete = leaf, self.leaves
        while complete & 1:
            node = node_hash(self._peaks.pop(), node)
            complete >>= 1
        self._peaks.append(node)
        self.leaves += 1

    def root(self) -> bytes:
        """Give the root over the leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        *rest, root = self._peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def audit_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Give the nodes that lead from one leaf to the root, lowest first (§2.1.1)."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = _level_above(level)
        index >>= 1
    return path


def path_leads_to(
    root: bytes, leaf: bytes, index: int, size: int, path: Sequence[bytes]
) -> bool:
    """Tell whether a leaf stands at ``index`` under ``root`` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    above = [
        node_hash(level[place], level[place + 1])
        for place in range(0, len(level) - 1, 2)
    ]
    if len(level) % 2:
        above.append(level[-1])
    return above


def _facts(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
