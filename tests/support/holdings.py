"""Ledgers and what carriers tell for them."""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.support.clock import NOON
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.events import Heard, Told, hear
from unbind_broker.holdings.holding import History, Limits
from unbind_broker.holdings.rules import Claim, Verdict, judge
from unbind_broker.holdings.states import HoldingEvent

MOBILE = CarrierId(1)
UNICOM = CarrierId(2)
TELECOM = CarrierId(3)
LIMITS = Limits(timedelta(days=90), timedelta(hours=24), ZoneInfo("Asia/Shanghai"))
TODAY = date(2026, 11, 20)


def day(ago: int) -> date:
    """So many days before today."""
    return TODAY - timedelta(days=ago)


def a_claim(
    since: date, carrier: CarrierId = MOBILE, *, ported_in_on: date | None = None
) -> Claim:
    return Claim(
        number_index=b"index",
        carrier_id=carrier,
        since=since,
        order_id=UUID(int=7),
        ported_in_on=ported_in_on,
    )


def claimed(
    history: History,
    since: date,
    carrier: CarrierId = MOBILE,
    *,
    now: datetime = NOON,
    ported_in_on: date | None = None,
) -> Verdict:
    claim = a_claim(since, carrier, ported_in_on=ported_in_on)
    return judge(history, claim, now, LIMITS)


def judged(
    history: History,
    word: str,
    on: date,
    carrier: CarrierId = MOBILE,
    *,
    now: datetime = NOON,
) -> object:
    return hear(history, Told(carrier, HoldingEvent(word), on), now, LIMITS)


def heard(
    history: History,
    word: str,
    on: date,
    carrier: CarrierId = MOBILE,
    *,
    now: datetime = NOON,
) -> Heard:
    """What an event changes that is recorded."""
    judgement = judged(history, word, on, carrier, now=now)
    assert isinstance(judgement, Heard), judgement
    return judgement


def told(*events: tuple[str, date, CarrierId]) -> History:
    """The ledger after these events, each of which is recorded."""
    history: History = ()
    for word, on, carrier in events:
        history = heard(history, word, on, carrier).history
    return history
