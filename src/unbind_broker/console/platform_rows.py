"""The list of platforms: what each row says, which rows are wanted, in which order."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.statistics.backlog import read_unsent_of_each
from unbind_broker.statistics.figures import Open, Period, read_open
from unbind_broker.statistics.roll import (
    MOST_PLATFORMS,
    Enrolled,
    Pace,
    call_roll,
    read_paces,
)
from unbind_broker.statistics.standing import Standing

DAYS = 7
SLOW_AFTER = timedelta(minutes=1)
"""Nothing that can be sent waits for so long unless something is in its way."""
_NO_PACE = Pace(None, None)
_NOTHING_OPEN = Open(0, 0, None)


class State(StrEnum):
    """How a platform is, as readers are told; the worst comes first."""

    BREAKER_OPEN = "breaker_open"
    DISABLED = "disabled"
    FAILING = "failing"
    SLOW = "slow"
    UNSTEADY = "unsteady"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    HEALTHY = "healthy"
    NOT_READY = "not_ready"

    @property
    def tone(self) -> str:
        """Give the tone of its badge."""
        return _TONES[self]

    @property
    def is_ill(self) -> bool:
        """Tell whether somebody should look at it."""
        return _TONES[self] in {"bad", "warn"}


_TONES = {
    State.BREAKER_OPEN: "bad",
    State.DISABLED: "bad",
    State.FAILING: "bad",
    State.SLOW: "warn",
    State.UNSTEADY: "warn",
    State.PAUSED: "warn",
    State.SUSPENDED: "warn",
    State.HEALTHY: "good",
    State.NOT_READY: "neutral",
}
_WORST = {state: place for place, state in enumerate(State)}
_OF_STANDINGS = {
    Standing.BREAKER_OPEN: State.BREAKER_OPEN,
    Standing.DISABLED: State.DISABLED,
    Standing.PAUSED: State.PAUSED,
    Standing.SUSPENDED: State.SUSPENDED,
    Standing.NOT_READY: State.NOT_READY,
}


@dataclass(frozen=True)
class Row:
    """One platform with everything that the list says of it."""

    platform: Enrolled
    state: State
    since: datetime | None
    waits_since: datetime | None
    open: Open
    pace: Pace

    @property
    def error(self) -> str | None:
        """Give what went wrong last, where that still matters."""
        return self.platform.error if self.state in _WITH_ERROR else None


_WITH_ERROR = {State.BREAKER_OPEN, State.DISABLED, State.FAILING, State.UNSTEADY}


async def read_rows(db: Db, now: datetime, today: date) -> list[Row]:
    """Read every platform, in the order of their slugs."""
    return await rows_of(db, now, today, await call_roll(db))


async def rows_of(
    db: Db, now: datetime, today: date, platforms: list[Enrolled]
) -> list[Row]:
    """Read the figures of these platforms, all real or none."""
    ids = [one.id for one in platforms]
    unsent = await read_unsent_of_each(db, now, MOST_PLATFORMS)
    waits = {one.platform: one.since for one in unsent}
    found = await read_open(db, now, ids)
    paces = await read_paces(db, last_days(today, DAYS), ids)
    return [_row(one, now, waits, found, paces) for one in platforms]


def last_days(today: date, days: int) -> Period:
    """Give so many days, the last of them today."""
    return Period(today - timedelta(days=days - 1), today)


def _row(
    one: Enrolled,
    now: datetime,
    waits: Mapping[str, datetime],
    found: Mapping[PlatformId, Open],
    paces: Mapping[PlatformId, Pace],
) -> Row:
    since = waits.get(one.slug)
    state = state_of(one, since, now)
    return Row(
        one,
        state,
        _since(one, state, since),
        since,
        found.get(one.id, _NOTHING_OPEN),
        paces.get(one.id, _NO_PACE),
    )


def state_of(one: Enrolled, waits_since: datetime | None, now: datetime) -> State:
    """Say how a platform is: one that answers may still be too slow."""
    if one.standing in _OF_STANDINGS:
        return _OF_STANDINGS[one.standing]
    if one.failing_since is not None:
        return State.FAILING
    if waits_since is not None and now - waits_since > SLOW_AFTER:
        return State.SLOW
    return State.UNSTEADY if one.standing is Standing.DEGRADED else State.HEALTHY


def _since(one: Enrolled, state: State, waits: datetime | None) -> datetime | None:
    match state:
        case State.FAILING | State.BREAKER_OPEN:
            return one.failing_since or one.since
        case State.SLOW:
            return waits
        case _:
            return one.since


@dataclass(frozen=True)
class Search:
    """Which platforms are looked for; ``state`` is a state, ``ill``, or empty."""

    name: str = ""
    state: str = ""
    sort: str = "state"

    def choose(self, rows: Iterable[Row]) -> list[Row]:
        """Give the rows that are wanted, in the wanted order."""
        chosen = [row for row in rows if self._wants(row)]
        return sorted(chosen, key=_ORDERS.get(self.sort, _by_state))

    def _wants(self, row: Row) -> bool:
        one, sought = row.platform, self.name.casefold()
        fits = {"": True, ILL: row.state.is_ill}.get(
            self.state, self.state == row.state
        )
        names = (one.slug, one.name_zh, one.name_en)
        return fits and any(sought in name.casefold() for name in names)


ILL = "ill"
_Key = tuple[float, float, str]


def _by_state(row: Row) -> _Key:
    return (_WORST[row.state], _timestamp(row.since), row.platform.slug)


def _timestamp(at: datetime | None) -> float:
    return float("inf") if at is None else at.timestamp()


def _most(value: Callable[[Row], float | None]) -> Callable[[Row], _Key]:
    """Put the largest first, and what is not known last."""

    def key(row: Row) -> _Key:
        found = value(row)
        return (found is None, 0.0 if found is None else -found, row.platform.slug)

    return key


_ORDERS: Mapping[str, Callable[[Row], _Key]] = {
    "state": _by_state,
    "name": lambda row: (0, 0, row.platform.slug),
    "waits": lambda row: (0, _timestamp(row.waits_since), row.platform.slug),
    "open": _most(lambda row: row.open.items),
    "overdue": _most(lambda row: row.open.overdue),
    "p95": _most(lambda row: row.pace.acknowledged_within),
    "punctuality": _most(
        lambda row: None if row.pace.punctuality is None else -row.pace.punctuality
    ),
}
SORTS = tuple(_ORDERS)


def count_states(rows: Iterable[Row]) -> dict[State, int]:
    """Count the platforms of each state that there is, the worst first."""
    counted = Counter(row.state for row in rows)
    return {state: counted[state] for state in State if counted[state]}
