"""The people and platforms of the replay: who has which account, what is done to it.

Everything is made up: ten platforms, people whose numbers come from the tests' range.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from unbind_broker.base.instants import show_instant
from unbind_broker.demo.traits import Traits
from unbind_broker.platforms.catalogue import CatalogueEntry
from unbind_broker.rehearsals.telling import Item, Line, Plan

PLATFORMS = {
    "shop": "购物",
    "video": "视频",
    "chat": "聊天",
    "maps": "地图",
    "music": "音乐",
    "games": "游戏",
    "mail": "邮箱",
    "news": "新闻",
    "travel": "出行",
    "wallet": "钱包",
}
CARELESS = "video"
"""Looks at no use: it removes whatever was bound before the date that it is told."""

GREEDY = "games"
"""Removes everything, also what was bound after that date."""

HELD_SINCE = datetime(2016, 3, 1, tzinfo=UTC)
RESTORABLE_FOR = timedelta(days=30)


@dataclass(slots=True)
class Account:
    """One account that a person has at a platform under the number."""

    bound_at: datetime
    used_at: datetime
    detached_by: str | None = None


@dataclass(slots=True)
class World:
    """All accounts, by platform and number."""

    now: datetime
    accounts: dict[tuple[str, str], list[Account]] = field(default_factory=dict)
    removals: int = 0

    def settle(self, numbers: Iterable[str]) -> None:
        """Let every person have an account at every platform, of years ago, in use.

        At one platform each has a second one, of last week.
        """
        used, lately = self.now - timedelta(hours=1), self.now - timedelta(days=7)
        for place, number in enumerate(numbers):
            old = HELD_SINCE + timedelta(days=400 + place)
            for slug in PLATFORMS:
                self.accounts[slug, number] = [Account(old, used)]
            self.accounts[GREEDY, number].append(Account(lately, used))

    def detached(self) -> list[tuple[str, str]]:
        """Name every platform and number of which something is detached now."""
        return [
            place
            for place, accounts in self.accounts.items()
            if any(account.detached_by for account in accounts)
        ]


def replay_platforms() -> list[CatalogueEntry]:
    """Give the platforms as they are registered."""
    return [
        CatalogueEntry(
            slug=f"replay-{name}",
            name_zh=f"示例{name_zh}",
            name_en=f"Sample {name}",
            category="other",
            sensitive=False,
            domains=(),
        )
        for name, name_zh in PLATFORMS.items()
    ]


class ReplayMind:
    """Decide for one platform of the replay; each item is decided once."""

    def __init__(self, name: str, world: World) -> None:
        self.slug = f"replay-{name}"
        # Some are quick, some take a second: the quick ones must be enough to stop it.
        place = list(PLATFORMS).index(name) + 1
        self.traits = Traits(latency=timedelta(milliseconds=120 * place))
        self._name = name
        self._world = world
        self._results: dict[tuple[str, str], Line] = {}

    def plan(self, item: Item, now: datetime) -> Plan:
        """Say what is told about ``item``: the result, at once."""
        return Plan(at_once=(self._decided(item, now),))

    def result(self, item: Item) -> Line:
        """Tell again what was told."""
        return self._decided(item, self._world.now)

    def _decided(self, item: Item, now: datetime) -> Line:
        decided = self._results.get((item.event, item.id))
        if decided is None:
            decided = {"id": item.id, **self._decide(item, now)}
            self._results[item.event, item.id] = decided
        return decided

    def _decide(self, item: Item, now: datetime) -> Line:
        accounts = self._world.accounts.get((self._name, item.number), [])
        if item.event == "restore.requested":
            return _restore(accounts, item)
        named = [one for one in accounts if one.bound_at < item.bound_before]
        if item.event == "query.requested" or not named:
            return {"outcome": "not_bound"} if not named else _found(named)
        careful = self._name not in {CARELESS, GREEDY}
        if careful and any(one.used_at >= item.bound_before for one in named):
            return {"outcome": "refused", "reason": "active_after_cutoff"}
        taken = accounts if self._name == GREEDY else named
        for account in taken:
            account.detached_by = item.id
        self._world.removals += len(taken)
        return {
            "outcome": "unbound",
            "removed": len(taken),
            "last_bound_at": show_instant(max(one.bound_at for one in taken)),
            "restorable_until": show_instant(now + RESTORABLE_FOR),
        }


def _found(named: list[Account]) -> Line:
    last = max(account.bound_at for account in named)
    return {
        "outcome": "bound",
        "bindings": len(named),
        "last_bound_at": show_instant(last),
    }


def _restore(accounts: list[Account], item: Item) -> Line:
    detached = [one for one in accounts if one.detached_by == item.restores]
    for account in detached:
        account.detached_by = None
    return {"outcome": "restored" if detached else "not_bound"}
