"""What a platform knows of numbers, seeded from the printed table, and does about them.

``fault`` names the one thing that it does wrong; without it nothing is wrong.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from unbind_broker.base.magic_numbers import as_document

Line = dict[str, Any]

SPOILT: dict[str, tuple[str, str, Line]] = {
    "wrong-reason": ("reason", "legal_hold", {"reason": "suspected_fraud"}),
    "no-reason": ("reason", "legal_hold", {"reason": None}),
    "no-detail": ("reason", "other", {"detail": None}),
    "wrong-outcome": ("outcome", "restored", {"outcome": "unbound"}),
    "tells-account": ("reason", "legal_hold", {"account": "somebody"}),
    "tells-number": ("reason", "other", {"detail": "ask about 13800003900"}),
    "no-date": ("outcome", "partly_unbound", {"last_bound_at": None}),
    "no-kept": ("outcome", "partly_unbound", {"kept": None}),
    "only-detaches": ("outcome", "closed", {"outcome": "unbound"}),
}
"""Which lines a fault changes (a field and its value), and to what."""


@dataclass
class Binding:
    bound_at: datetime | None
    reason: str | None = None
    is_live: bool = True


@dataclass
class Accounts:
    fault: str = ""
    store: dict[str, list[Binding]] = field(default_factory=dict)
    behaviour: dict[str, str] = field(default_factory=dict)
    removed: dict[str, list[Binding]] = field(default_factory=dict)
    cleared: list[str] = field(default_factory=list)

    def seed(self) -> None:
        document: Any = as_document()
        for block in document["blocks"]:
            if block["for_platforms"]:
                self._seed(block)

    def _seed(self, block: Line) -> None:
        dates = [None if at is None else read(at) for at in block["bindings"]]
        stay = block["kept"] or len(dates)  # the newest are those that stay
        reasons = [None] * (len(dates) - stay) + [block["reason"]] * stay
        for number in range(int(block["first"][1:]), int(block["last"][1:]) + 1):
            self.store[f"+{number}"] = list(map(Binding, dates, reasons))
            self.behaviour[f"+{number}"] = block["behaviour"]

    def is_slow(self, kind: str, number: str) -> bool:
        return kind == "unbind.requested" and self.behaviour.get(number) == "slow"

    def do(self, kind: str, item: Line) -> Line | None:
        """Give the result of an item; None: nothing is said."""
        line = self._do(kind, item)
        if line is None:
            return None
        name, value, change = SPOILT.get(self.fault, ("", "", {}))
        spoilt = change if line.get(name) == value else {}
        return {"id": item["id"], **line, **spoilt}

    def _do(self, kind: str, item: Line) -> Line | None:
        if kind == "restore.requested":
            return self._restore(item)
        bindings = self._live(item["number"])
        if any(one.bound_at is None for one in bindings):
            unknown = {"outcome": "refused", "reason": "bound_at_unknown"}
            is_hidden = self.fault == "unknown-is-nothing"
            return {"outcome": "not_bound"} if is_hidden else unknown
        found = self._found(bindings, item["bound_from"], item["bound_before"])
        if not found:
            return {"outcome": "not_bound"}
        if kind == "query.requested":
            return self._find(bindings, found)
        return self._detach(item, bindings, found)

    def clear(self, clearance: str, listed: Line) -> Line | None:
        """Clear a number of a manifest; None: there is nothing to tell."""
        if listed["withdrawn"] and self.fault != "clears-withdrawn":
            return None
        number = listed["number"]
        bindings = self._live(number)
        found = self._found(bindings, None, listed["bound_before"])
        if not found:
            clean = {"number": number, "outcome": "not_bound"}
            return clean if self.fault == "tells-clean-ones" else None
        key = f"{clearance} {number}"
        self._detach({"id": key, "action": "detach", "number": number}, bindings, found)
        if listed["withdrawn"]:
            return None
        self.cleared.append(number)
        return {"number": number, "outcome": "unbound", **self.newest(found)}

    def _find(self, bindings: list[Binding], found: list[Binding]) -> Line:
        if found[0].reason == "active_after_cutoff":
            return {"outcome": "refused", "reason": "active_after_cutoff"}
        if self.fault == "queries-detach":
            _end(found)
        count = len(bindings if self.fault == "counts-all" else found)
        return {"outcome": "bound", "bindings": count, **self.newest(found)}

    def _detach(
        self, item: Line, bindings: list[Binding], found: list[Binding]
    ) -> Line | None:
        stay = [one for one in found if one.reason is not None]
        if self.fault == "takes-all-of-partly" and len(stay) < len(found):
            stay = []
        go = [one for one in found if one not in stay]
        if not go:
            detail = {"detail": "ask us"} if stay[0].reason == "other" else {}
            return {"outcome": "refused", "reason": stay[0].reason, **detail}
        if self.fault == "takes-both-holders" and not stay:
            go = bindings
        if self.fault != "detaches-nothing":
            _end(go)
        self.removed[item["id"]] = go
        return self._done(item, go, stay)

    def _done(self, item: Line, go: list[Binding], stay: list[Binding]) -> Line | None:
        until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        done = {"removed": len(go), **self.newest(go), "restorable_until": until}
        if self.fault == "restores-not":
            del done["restorable_until"]
        if item["action"] == "close_account":
            return {"outcome": "closed", **done}
        if stay:
            kept = {"kept": len(stay), "reason": stay[0].reason}
            return {"outcome": "partly_unbound", **done, **kept}
        if self.behaviour[item["number"]] == "asking":
            return self._ask()
        return {"outcome": "unbound", **done}

    def _ask(self) -> Line | None:
        asked = {"outcome": "action_required", "action": "confirm_in_app"}
        if self.fault == "no-action":
            del asked["action"]
        return None if self.fault == "never-asks" else asked

    def _restore(self, item: Line) -> Line:
        restores = item["restores"]
        by_clearance = f"{restores} {item['number']}"
        undone = self.removed.get(restores, self.removed.get(by_clearance, []))
        for one in undone:
            one.is_live = self.fault != "restores-nothing"
            if self.fault == "restores-with-another-date" and one.bound_at:
                one.bound_at += timedelta(hours=1)
        claims = bool(undone) or self.fault == "restores-anything"
        return {"outcome": "restored" if claims else "not_bound"}

    def _live(self, number: str) -> list[Binding]:
        return [one for one in self.store.get(number, []) if one.is_live]

    def _found(
        self, bindings: list[Binding], bound_from: str | None, bound_before: str
    ) -> list[Binding]:
        begin = None if bound_from is None else read(bound_from)
        if self.fault == "ignores-start":
            begin = None
        end = read(bound_before)
        return [one for one in bindings if self._is_in(one.bound_at, begin, end)]

    def _is_in(
        self, at: datetime | None, begin: datetime | None, end: datetime
    ) -> bool:
        if at is None or (begin is not None and at < begin):
            return False
        match self.fault:
            case "border-is-before":
                return at <= end
            case "ignores-border":
                return True
            case "compares-dates":
                return at.date() < end.date()
            case _:
                return at < end

    def newest(self, found: list[Binding]) -> Line:
        newest = max(one.bound_at for one in found if one.bound_at is not None)
        if self.fault == "wrong-date":
            newest -= timedelta(days=1)
        return {"last_bound_at": newest.isoformat()}


def read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _end(bindings: list[Binding]) -> None:
    for one in bindings:
        one.is_live = False
