"""Administrators see how delivery stands as a whole."""

from fastapi import APIRouter
from pydantic import Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.deadlines.mending import Walked, last_walk
from unbind_broker.sending.overview import (
    MOST_COUNTED,
    Queue,
    WorkerSeen,
    count_without_owner,
    list_workers,
    read_queue,
)

router = APIRouter(prefix="/v1/admin/delivery", tags=["admin"])


class InvariantShown(AnswerModel):
    """Whether every open item will be sent, or rightly waits."""

    last_checked_at: ShownInstant | None = Field(
        description="When all open orders had been looked at. Null: not yet."
    )
    orders_looked_at: int = Field(examples=[1200], description="That time.")
    repaired_last: int = Field(
        examples=[0],
        description="Items that nobody would have sent, found that time and made due "
        "at once. Anything but 0 is a fault of the broker.",
    )
    repaired_total: int = Field(examples=[0], description="Such items, ever.")


class QueueShown(AnswerModel):
    """What is to be sent besides first sends: retries, cancellations, notices.

    Rehearsals are left out.
    """

    deliveries: int = Field(
        examples=[57],
        description=f"Counted up to {MOST_COUNTED}; held and parked ones included.",
    )
    oldest_due_at: ShownInstant | None = Field(
        description="Of what is due at active endpoints. Null: nothing is due."
    )


class WorkerShown(AnswerModel):
    """A worker that told within the last day that it lives."""

    id: str = Field(examples=["019a9f2e-7c3d-7d53-9bb1-0a5c1f6f2d11"])
    host: str = Field(examples=["broker-1"])
    started_at: ShownInstant
    seen_at: ShownInstant
    endpoints: int = Field(examples=[120], description="That it owns at this moment.")


class DeliveryShown(AnswerModel):
    """How delivery stands."""

    invariant: InvariantShown
    queue: QueueShown
    workers: list[WorkerShown] = Field(description="The newest first.")
    endpoints_without_owner: int = Field(
        examples=[0],
        description="Endpoints that are posted to and that no worker owns: nothing is "
        "sent there. Test endpoints are left out. Anything but 0 for longer than a "
        "lease means that workers are missing.",
    )


@router.get("", summary="See how delivery stands", responses=problems(*ANY_CALL))
async def read_delivery(context: Ctx, _: AdminCaller) -> DeliveryShown:
    """See the last check of the queue's invariant, what is queued, and who sends.

    Every few minutes each open item is checked: it must be about to be sent, or rightly
    wait for something else. One for which this does not hold is made due at once, and
    told in the audit trail as `invariant.repaired`.
    """
    async with context.engine.connect() as db:
        return DeliveryShown(
            invariant=_invariant(await last_walk(db)),
            queue=_queue(await read_queue(db, context.clock.now())),
            workers=[_worker(one) for one in await list_workers(db)],
            endpoints_without_owner=await count_without_owner(db),
        )


def _invariant(walked: Walked) -> InvariantShown:
    return InvariantShown(
        last_checked_at=walked.last_at,
        orders_looked_at=walked.looked_at,
        repaired_last=walked.repaired_last,
        repaired_total=walked.repaired_total,
    )


def _queue(queue: Queue) -> QueueShown:
    return QueueShown(deliveries=queue.rows, oldest_due_at=queue.oldest_due_at)


def _worker(worker: WorkerSeen) -> WorkerShown:
    return WorkerShown(
        id=str(worker.id),
        host=worker.host,
        started_at=worker.started_at,
        seen_at=worker.seen_at,
        endpoints=worker.endpoints,
    )
