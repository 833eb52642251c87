"""The rule about forged requests: events of every type are signed."""

from collections.abc import Iterator

from unbind_broker.base.ids import new_token
from unbind_broker.base.magic_numbers import BEFORE, NOTHING
from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.cancelling import cancelling
from unbind_broker.conformance.clearing import GIVEN_UP
from unbind_broker.conformance.expecting import (
    expect_client_error,
    expect_nothing_said,
)
from unbind_broker.conformance.manifests import Listed
from unbind_broker.conformance.plan import new_secret
from unbind_broker.conformance.posting import signed_by, unsigned
from unbind_broker.conformance.rule import Recheck, Rule
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending import payloads

_CHALLENGE_BYTES = 24


async def _every_type(stage: Stage) -> Recheck:
    """Forge one of each, unsigned and by another secret."""
    query = stage.new(OrderKind.QUERY, BEFORE.number(2))
    restore = stage.new_restore(stage.new(OrderKind.UNBIND, BEFORE.number(2)))
    query.must_not = restore.must_not = True
    for name, body in _bodies(stage, query, restore):
        for headers in (unsigned, signed_by(new_secret())):
            sent = await stage.poster.post(body, headers, is_usual=False)
            expect_client_error(sent, name)

    def nothing_is_said() -> None:
        expect_nothing_said(query)
        expect_nothing_said(restore)

    return nothing_is_said


def _bodies(stage: Stage, query: Asked, restore: Asked) -> Iterator[tuple[str, bytes]]:
    now = stage.now()
    _, clearance = stage.manifests.publish([Listed(NOTHING.number(14), GIVEN_UP)])
    challenge = payloads.verification_payload(now, new_token(_CHALLENGE_BYTES))
    yield "query.requested", stage.body_of([query])
    yield "restore.requested", stage.body_of([restore])
    yield "unbind.cancelled", cancelling(stage, restore)
    yield "clearance.published", clearance
    yield "endpoint.verification", challenge
    yield "endpoint.test", payloads.test_payload(now)


RULES = (
    Rule(
        "signature-every-type",
        "signatures",
        Words(
            "任何类型的请求，没有正确签名都以 4xx 拒绝",
            "a request of any type is refused with 4xx without a right signature",
        ),
        Words(
            "伪造的查询会泄露绑定；伪造的取消会使解绑落空",
            "A forged query tells a stranger what is bound, a forged cancellation "
            "stops what a holder asked for.",
        ),
        _every_type,
    ),
)
