"""Small parts of sending, made for a test."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

from tests.support.clock import NOON
from unbind_broker.base.ids import AttemptId, EndpointId, PlatformId, new_uuid7
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.signing_keys import Secret
from unbind_broker.deliveries.attempts import Timings
from unbind_broker.deliveries.breaker import BreakerPolicy
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.deliveries.queue import REQUESTS
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import Reason
from unbind_broker.orders.positions import Position
from unbind_broker.orders.states import Action, OrderKind, Scope
from unbind_broker.sending.batches import Batch, Work
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.payloads import (
    Outgoing,
    OutgoingCancel,
    OutgoingItem,
    OutgoingNotice,
)
from unbind_broker.sending.read_numbers import ReadNumbers
from unbind_broker.sending.targets import Target

NUMBER = PhoneNumber("+8613800001234")
SECRET = Secret(b"a webhook secret of thirty-two b")
START = Position(100, UUID(int=0))
_numbers = count(1)


def an_item(
    order_id: UUID | None = None,
    kind: OrderKind = OrderKind.UNBIND,
    *,
    number: PhoneNumber | None = NUMBER,
    deadline: datetime = NOON + timedelta(days=5),
) -> OutgoingItem:
    return OutgoingItem(
        order_id=order_id or UUID(int=next(_numbers)),
        kind=kind,
        number=number,
        scope=Scope.PREVIOUS_OWNER,
        action=None if kind is OrderKind.QUERY else Action.DETACH,
        owner_since=date(2025, 3, 1),
        bound_from=None,
        bound_before=datetime(2025, 2, 28, 16, tzinfo=UTC),
        carrier="china-mobile",
        created_at=NOON,
        deadline=deadline,
    )


def a_cancel(
    order_id: UUID | None = None, *, deadline: datetime = NOON + timedelta(days=5)
) -> OutgoingCancel:
    return OutgoingCancel(
        order_id=order_id or UUID(int=next(_numbers)),
        kind=OrderKind.UNBIND,
        reason=Reason.BY_CARRIER,
        cancelled_at=NOON,
        deadline=deadline,
    )


def a_notice(*, deadline: datetime = NOON + timedelta(days=5)) -> OutgoingNotice:
    return OutgoingNotice(
        notice_id=UUID(int=next(_numbers)),
        event=EventType.ORDER_HELD,
        at=NOON,
        data=b'{"order_id":"ord_1","words":"\xe8\xaf\xb7"}',
        deadline=deadline,
    )


def a_work(
    xid: int | None = 200,
    *,
    item: Outgoing | None = None,
    attempt: int = 0,
    taken_at: float = 0.0,
) -> Work:
    """From the log at ``xid``; None: from ``deliveries``."""
    item = item or an_item()
    position = None if xid is None else Position(xid, item.subject_id)
    return Work(item, attempt, position, taken_at)


def offer(lane: Lane, work: Work, read: int) -> bool:
    """Hand a lane an item that the log names."""
    assert isinstance(work.content, OutgoingItem)
    return lane.offer(REQUESTS[work.content.kind], work, read)


def a_target(
    url: str = "http://127.0.0.1:1/",
    *,
    endpoint_id: int = 1,
    platform_id: int | None = 7,
    max_batch: int = 3,
    max_concurrency: int = 2,
    max_rate: float | None = None,
) -> Target:
    return Target(
        endpoint_id=EndpointId(endpoint_id),
        platform_id=None if platform_id is None else PlatformId(platform_id),
        url=url,
        max_batch=max_batch,
        max_concurrency=max_concurrency,
        max_rate=max_rate,
        reports_signed=False,
        slug="weibo",
        secrets=(SECRET,),
    )


def a_lane(
    target: Target | None = None,
    *,
    numbers: ReadNumbers | None = None,
    cursor: Position = START,
    lease_ends: float = 1000.0,
    now: float = 0.0,
) -> Lane:
    """A lane that may send; its lease ends at 1,000 s unless told otherwise."""
    target = target or a_target()
    lane = Lane(target.endpoint_id, 1, cursor, lease_ends, numbers or ReadNumbers())
    put_to_use(lane, target, now)
    return lane


def put_to_use(lane: Lane, target: Target | None, now: float = 0.0) -> None:
    """Let a lane post there; nothing is known of how the endpoint does."""
    lane.retarget(target, now)
    lane.judge(None, BreakerPolicy())


def a_batch(
    size: int = 1,
    *,
    works: list[Work] | None = None,
    event: EventType = EventType.UNBIND_REQUESTED,
) -> Batch:
    return Batch(event, works or [a_work() for _ in range(size)])


def ended(
    batch: Batch,
    kind: OutcomeKind = OutcomeKind.ACCEPTED,
    *,
    lane: Lane | None = None,
    answer: bytes = b"",
    at: datetime = NOON,
) -> Finished:
    """An exchange that came to ``kind``; nothing of it is recorded."""
    lane = lane or a_lane()
    nothing_sent = {
        OutcomeKind.OWN_FAULT,
        OutcomeKind.BLOCKED,
        OutcomeKind.UNREACHABLE,
    }
    return Finished(
        attempt_id=AttemptId(new_uuid7(at)),
        lane=lane,
        url=lane.target.url if lane.target else a_target().url,
        platform_id=lane.target.platform_id if lane.target else PlatformId(7),
        batch=batch,
        webhook_id="msg_1",
        body_sha256=b"\x01" * 32,
        started_at=at,
        ended_at=at,
        exchange=Exchange(
            outcome=Outcome(kind),
            answer=answer,
            error=None if kind is OutcomeKind.ACCEPTED else "a fault",
            timings=Timings(5),
            disclosed=kind not in nothing_sent,
        ),
        jitter=0.5,
        owner=lane.target.slug if lane.target else "weibo",
    )
