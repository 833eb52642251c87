"""Post a signed webhook to an endpoint while its owner waits for the outcome.

No transaction is open meanwhile.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from unbind_broker.api.context import Context
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import AttemptId, new_token, new_uuid7
from unbind_broker.base.numbers import clean_free_text
from unbind_broker.base.signing import sign_v1, signature_headers
from unbind_broker.deliveries.attempts import Attempt
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.challenge import challenge_fault
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.outbound import open_outbound

LIMIT = timedelta(seconds=10)
_ID_BYTES = 18
_HEAD = 1000


class VerificationFailed(BrokerError):
    """The endpoint did not answer its challenge."""

    code = "verification-failed"
    title = "The endpoint did not answer the challenge"


@dataclass(frozen=True)
class Probe:
    """What was sent and what came of it."""

    attempt: Attempt
    exchange: Exchange


async def post_probe(
    context: Context, endpoint: Endpoint, url: str, event: EventType, body: bytes
) -> Probe:
    """Sign ``body`` with the endpoint's living secrets and post it to ``url``.

    Raises ``RateLimited`` while another probe of this endpoint runs, ``Overloaded``
    when too many of others do.
    """
    now = context.clock.now()
    webhook_id = f"msg_{new_token(_ID_BYTES)}"
    secrets = EndpointSecrets(context.runtime.sealer).living(endpoint, now)
    headers = signature_headers(
        webhook_id, now, sign_v1(secrets, webhook_id, now, body)
    )
    with context.probe_places.take(endpoint.id):
        async with open_outbound(
            context.settings.url_policy,
            context.clock.now,
            look_up=context.runtime.look_up,
        ) as outbound:
            exchange = await outbound.post(url, headers, body, LIMIT)
    attempt = _attempt(endpoint, event, webhook_id, body, now, exchange)
    return Probe(attempt, exchange)


def judge_challenge(exchange: Exchange, challenge: str) -> str | None:
    """Say why the endpoint is not verified, or nothing."""
    fault, status = name_silence(exchange), exchange.outcome.status_code
    if fault is not None or status is None:
        return f"no answer: {fault}"
    return challenge_fault(status, exchange.answer, challenge)


def name_silence(exchange: Exchange) -> str | None:
    """Say in a few words why there was no answer; None if there was one."""
    if exchange.outcome.kind is OutcomeKind.TIMED_OUT:
        return f"timed out after {LIMIT.total_seconds():.0f} s"
    return exchange.error


def _attempt(
    endpoint: Endpoint,
    event: EventType,
    webhook_id: str,
    body: bytes,
    now: datetime,
    exchange: Exchange,
) -> Attempt:
    head = clean_free_text(exchange.answer[:_HEAD].decode(errors="replace"))
    return Attempt(
        id=AttemptId(new_uuid7(now)),
        endpoint_id=endpoint.id,
        event=event,
        subject_ids=(),
        webhook_id=webhook_id,
        body_sha256=hashlib.sha256(body).digest(),
        started_at=now,
        outcome=exchange.outcome,
        timings=exchange.timings,
        error=exchange.error,
        answer_head=head or None,
    )
