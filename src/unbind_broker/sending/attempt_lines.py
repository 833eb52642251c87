"""One log line for each request that went out, or should have."""

import logging

from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant
from unbind_broker.deliveries.decision import (
    Dead,
    Decision,
    DisableEndpoint,
    Done,
    Halve,
    Park,
    RetryAt,
)
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.verdicts import Plans, first_decision, steps_used

log = logging.getLogger("unbind_broker.attempts")

_WORDS: dict[type[Decision], str] = {
    Done: "done",
    RetryAt: "retry",
    Park: "park",
    Halve: "halve",
    Dead: "dead",
    DisableEndpoint: "disable",
}


def tell_attempt(finished: Finished, plans: Plans) -> None:
    """Log an exchange: to whom, about how many, how it ended, and what follows."""
    if not log.isEnabledFor(logging.INFO):
        return
    exchange, decision = finished.exchange, first_decision(finished, plans)
    owner = "carrier" if finished.platform_id is None else "platform"
    again = decision.at if isinstance(decision, RetryAt) else None
    timings = exchange.timings
    log.info(
        "attempt",
        extra={
            owner: finished.owner,
            "endpoint_id": finished.lane.endpoint_id,
            "rehearsal": finished.rehearses or None,
            "type": finished.batch.event.value,
            "subjects": len(finished.batch.works),
            "try": steps_used(finished),
            "outcome": exchange.outcome.kind.value,
            "status": exchange.outcome.status_code,
            "error": exchange.error,
            "ms": timings.total_ms,
            "dns_ms": timings.dns_ms,
            "connect_ms": timings.connect_ms,
            "tls_ms": timings.tls_ms,
            "first_byte_ms": timings.first_byte_ms,
            "decision": _WORDS[type(decision)],
            "again_at": None if again is None else show_instant(again),
            "attempt_id": format_id(Prefix.ATTEMPT, finished.attempt_id),
            "trace_id": finished.trace_id,
        },
    )
