"""Start requests as soon as a lane allows them, and hand on what comes of them."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.ids import AttemptId, PlatformId, new_uuid7
from unbind_broker.base.signing import sign_v1, signature_headers
from unbind_broker.base.tracing import NO_SPAN, NO_TRACES, Span, Tracer
from unbind_broker.deliveries.attempts import Timings
from unbind_broker.deliveries.decision import OWN_FAULT_PAUSE
from unbind_broker.deliveries.hearing import Heard
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.sending.attempt_spans import begin_attempt, end_attempt, head_of
from unbind_broker.sending.batches import Batch, Work, webhook_id
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.outbound import Outbound
from unbind_broker.sending.payloads import most_together, payload
from unbind_broker.sending.reach import Reach
from unbind_broker.sending.recheck import Recheck
from unbind_broker.sending.recorder import Recorder
from unbind_broker.sending.tallies import SendingTallies
from unbind_broker.sending.targets import Target

log = logging.getLogger(__name__)

STALE_SECONDS = 1.0
"""Items that waited longer in memory are looked up once more before they are sent."""


@dataclass(frozen=True)
class SenderParts:
    """What sending needs of the process.

    ``monotonic`` gives seconds, ``jitter`` a number in [0, 1).
    """

    engine: AsyncEngine
    outbound: Outbound
    recorder: Recorder
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    jitter: Callable[[], float]
    request_timeout: timedelta
    lease: timedelta
    reach: Reach
    is_held_back: Callable[[], bool] = lambda: False
    tracer: Tracer = NO_TRACES
    tallies: SendingTallies = field(default_factory=SendingTallies)

    @property
    def needed(self) -> float:
        """Give the seconds of the lease that must be left when a request starts."""
        return (self.request_timeout + self.lease / 10).total_seconds()


class Sender:
    """Send for all lanes of a worker."""

    def __init__(self, parts: SenderParts) -> None:
        self._parts = parts
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[Lane, asyncio.TimerHandle] = {}
        self._recheck = Recheck(parts.engine)
        self._stopping = False
        self.has_broken_off = False
        """Requests may have left of which nothing will be written down."""

    def pump_all(self, lanes: Iterable[Lane]) -> None:
        """Start what may be started, after something changed for all."""
        for lane in lanes:
            self.pump(lane)

    def pump(self, lane: Lane) -> None:
        """Start every request that the lane's limits allow now."""
        while self._may_go_on:
            now = self._parts.monotonic()
            wait = lane.wait(now, self._parts.needed)
            if wait is None:
                return
            if wait > 0:
                self._pump_later(lane, wait)
                return
            batch, target = lane.take(now), lane.target
            if batch is None or target is None:
                return
            task = asyncio.create_task(self._send(lane, target, batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @property
    def _may_go_on(self) -> bool:
        parts = self._parts
        held_back = parts.is_held_back() or parts.recorder.is_congested
        return not self._stopping and not held_back

    async def stop(self) -> None:
        """Start nothing more, and let what is under way end.

        What takes longer than a request may is broken off.
        """
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._parts.needed)
        self.abandon()

    def abandon(self) -> None:
        """Break off what is under way; its items will be sent again."""
        self._stopping = True
        self.has_broken_off |= bool(self._tasks)
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()

    def _pump_later(self, lane: Lane, wait: float) -> None:
        if lane not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[lane] = loop.call_later(wait, self._pump_now, lane)

    def _pump_now(self, lane: Lane) -> None:
        del self._timers[lane]
        self.pump(lane)

    async def _send(self, lane: Lane, target: Target, batch: Batch) -> None:
        try:
            works = await self._wanted(lane, target, batch)
            unreadable = [work for work in works if not work.content.is_readable]
            if unreadable:
                part = Batch(batch.event, unreadable)
                self._note(lane, _Sent(target, part, self._parts.now()), _OWN_FAULT)
            readable = [work for work in works if work.content.is_readable]
            batch = Batch(batch.event, readable)  # the others are accounted for
            if readable:
                await self._exchange(lane, batch)
        except Exception:
            log.exception("not_sent", extra={"endpoint_id": lane.endpoint_id})
            lane.put_back(batch.works)
        finally:
            lane.finish()
        self.pump(lane)

    async def _wanted(self, lane: Lane, target: Target, batch: Batch) -> list[Work]:
        """Leave out what is overdue, and what was called back while it waited."""
        works = list(batch.works)
        if batch.needs_open_items and target.platform_id is not None:
            works = await self._not_called_back(
                works, target.platform_id, replay=batch.is_about_taken
            )
        # Asking takes its time: what waited for it together must not go out together,
        # nor so late that it had to be asked again.
        wait = lane.begin(self._parts.monotonic(), STALE_SECONDS) if works else 0.0
        if wait:
            await asyncio.sleep(wait)
        now = self._parts.now()
        works = [work for work in works if work.content.deadline > now]
        wanted = {work.key for work in works}
        lane.forget(one for one in batch.keys if one not in wanted)
        if wait is None:
            lane.put_back(works)
            return []
        return works

    async def _not_called_back(
        self, works: list[Work], platform_id: PlatformId, *, replay: bool
    ) -> list[Work]:
        waited_since = self._parts.monotonic() - STALE_SECONDS
        old = {
            work.content.subject_id for work in works if work.taken_at < waited_since
        }
        if not old:
            return works
        old -= await self._recheck.still_waiting(platform_id, old, replay=replay)
        return [work for work in works if work.content.subject_id not in old]

    async def _exchange(self, lane: Lane, batch: Batch) -> None:
        target = lane.target  # as it is now: it may have changed since the start
        if target is None or not _fits(batch, target):
            lane.put_back(batch.works)
            return
        sent = _Sent(target, batch, self._parts.now())
        signature = sign_v1(target.secrets, sent.webhook_id, sent.at, sent.body)
        headers = signature_headers(sent.webhook_id, sent.at, signature)
        # Asked last of all: whatever delays the request from here on uses up its time.
        if not lane.may_start(self._parts.monotonic(), self._parts.needed):
            lane.put_back(batch.works)
            return
        sent.span = begin_attempt(self._parts.tracer, target, batch)
        headers |= head_of(sent.span)
        try:
            exchange = await self._parts.outbound.post(
                target.url, headers, sent.body, self._parts.request_timeout
            )
        except asyncio.CancelledError as broken_off:
            sent.span.end(type(broken_off).__name__)
            raise
        except Exception:
            log.exception("exchange_fault", extra={"endpoint_id": lane.endpoint_id})
            exchange = _OWN_FAULT
        try:
            exchange = self._parts.reach.judge(
                lane.endpoint_id, exchange, rehearses=target.rehearses
            )
            self._show(lane, sent, exchange)
        except Exception:  # whatever is made of it, it has taken place
            log.exception("exchange_fault", extra={"endpoint_id": lane.endpoint_id})
        self._note(lane, sent, exchange)

    def _show(self, lane: Lane, sent: "_Sent", exchange: Exchange) -> None:
        """Let the whole lane obey at once what one exchange shows."""
        outcome, monotonic = exchange.outcome, self._parts.monotonic()
        if outcome.retry_after is not None:
            lane.hold(outcome.retry_after, monotonic)
        if outcome.kind is OutcomeKind.OWN_FAULT:
            lane.hold(OWN_FAULT_PAUSE, monotonic)
        lane.heard(
            Heard(
                outcome=outcome,
                alone=len(sent.batch.works) == 1,
                most=sent.target.max_concurrency,
                started_at=sent.at,
                ended_at=self._parts.now(),
                error=exchange.error or f"answered {outcome.status_code}",
                jitter=self._parts.jitter(),
            )
        )
        if outcome.kind is OutcomeKind.GONE:
            lane.gone(monotonic)

    def _note(self, lane: Lane, sent: "_Sent", exchange: Exchange) -> None:
        end_attempt(sent.span, exchange)
        self._parts.tallies.exchanged(sent.target, sent.batch, exchange, sent.at)
        self._parts.recorder.put(
            Finished(
                attempt_id=AttemptId(new_uuid7(sent.at)),
                lane=lane,
                url=sent.target.url,
                platform_id=sent.target.platform_id,
                batch=sent.batch,
                webhook_id=sent.webhook_id,
                body_sha256=hashlib.sha256(sent.body).digest(),
                started_at=sent.at,
                ended_at=self._parts.now(),
                exchange=exchange,
                jitter=self._parts.jitter(),
                reports_signed=sent.target.reports_signed,
                sensitive=sent.target.sensitive,
                owner=sent.target.slug,
                rehearses=sent.target.rehearses,
                trace_id=sent.span.context and sent.span.context.trace_id,
            )
        )


class _Sent:
    """A request as it is signed; without a body where a number cannot be read."""

    def __init__(self, target: Target, batch: Batch, at: datetime) -> None:
        self.target = target
        self.batch = batch
        self.at = at
        self.span: Span = NO_SPAN
        self.webhook_id = webhook_id(batch.event, batch.subject_ids, batch.occasion)
        contents = [work.content for work in batch.works]
        readable = all(content.is_readable for content in contents)
        self.body = payload(batch.event, at, contents) if readable else b""


def _fits(batch: Batch, target: Target) -> bool:
    return len(batch.works) <= most_together(batch.event, target.max_batch)


_OWN_FAULT = Exchange(
    outcome=Outcome(OutcomeKind.OWN_FAULT),
    answer=b"",
    error="not sent, for a reason on the broker's side",
    timings=Timings(total_ms=0),
    disclosed=False,
)
