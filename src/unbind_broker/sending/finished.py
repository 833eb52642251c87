"""An exchange that ended, on its way into the record."""

from dataclasses import dataclass, field
from datetime import datetime

from unbind_broker.base.ids import AttemptId, PlatformId
from unbind_broker.sending.batches import Batch
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.lane import Lane


@dataclass(frozen=True, eq=False)
class Finished:
    """What was sent and what came of it.

    ``platform_id`` is None where a carrier was told something. ``reports_signed``
    forbids results inside the answer, which nobody signed. ``jitter`` was drawn when it
    ended, so that recording it a second time decides the same.

    That a ``sensitive`` platform took an item may be all that its carrier waits for.
    ``owner`` is the slug of whoever it was sent to.
    """

    attempt_id: AttemptId
    lane: Lane
    url: str = field(repr=False)
    platform_id: PlatformId | None
    batch: Batch
    webhook_id: str
    body_sha256: bytes
    started_at: datetime
    ended_at: datetime
    exchange: Exchange
    jitter: float
    owner: str
    reports_signed: bool = False
    sensitive: bool = False
    rehearses: bool = False
    trace_id: str | None = None
