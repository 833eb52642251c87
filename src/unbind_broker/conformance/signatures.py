"""Rules about signatures: what is to be taken, and what is not."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from unbind_broker.base.magic_numbers import BEFORE, NOTHING
from unbind_broker.base.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from unbind_broker.conformance.expecting import (
    expect_bound,
    expect_client_error,
    expect_nothing_said,
    expect_taken,
)
from unbind_broker.conformance.plan import new_secret
from unbind_broker.conformance.posting import (
    Headers,
    Sent,
    signed_by,
    unsigned,
)
from unbind_broker.conformance.rule import Recheck, Rule
from unbind_broker.conformance.said import CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind

_TOO_FAR = timedelta(minutes=6)
_NEAR = timedelta(minutes=4)
_GARBAGE = (
    (SIGNATURE_HEADER, "nonsense"),
    (SIGNATURE_HEADER, "v1,not/base64!"),
    (SIGNATURE_HEADER, "v1,"),
    (SIGNATURE_HEADER, "v1,\u7b7e\u540d"),
    (TIMESTAMP_HEADER, "yesterday"),
    (TIMESTAMP_HEADER, "9" * 20),
)
_HALF = 24
"""Characters of a signature that has 44."""


async def _missing(stage: Stage) -> Recheck:
    return await _expect_refused(stage, unsigned)


async def _wrong_key(stage: Stage) -> Recheck:
    return await _expect_refused(stage, signed_by(new_secret()))


async def _altered(stage: Stage) -> Recheck:
    """Sign one number, send another one."""
    innocent = stage.new(OrderKind.UNBIND, NOTHING.number(2))
    signed_body = stage.body_of([innocent])

    def headers(webhook_id: str, now: datetime, _body: bytes) -> Mapping[str, str]:
        return stage.signed(webhook_id, now, signed_body)

    return await _expect_refused(stage, headers)


async def _old(stage: Stage) -> Recheck:
    return await _expect_refused(stage, signed_by(stage.plan.secret, shift=-_TOO_FAR))


async def _future(stage: Stage) -> Recheck:
    return await _expect_refused(stage, signed_by(stage.plan.secret, shift=_TOO_FAR))


async def _malformed(stage: Stage) -> Recheck:
    """Send headers that make careless code fall over: no comma, no base64, no time."""
    tries = {
        f"{name}: {value}": _with(stage.signed, name, value) for name, value in _GARBAGE
    }
    for name in (ID_HEADER, TIMESTAMP_HEADER):
        tries[f"– {name}"] = _without(stage.signed, name)
    await _expect_garbage_refused(stage)
    tries = {f"{SIGNATURE_HEADER}: v1,…": _cut(stage.signed), **tries}
    return await _expect_refused(stage, *tries.values(), named=tuple(tries))


async def _expect_garbage_refused(stage: Stage) -> None:
    """Send what is neither JSON nor signed, as scanners do."""
    for body in (b"", b"{", b"\xff\xfe"):
        headers = signed_by(new_secret())
        sent = await stage.poster.post(body, headers, is_usual=False)
        expect_client_error(sent, f"body {body!r}")


async def _unknown_version(stage: Stage) -> Recheck:
    def headers(webhook_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
        given = stage.signed(webhook_id, now, body)
        return {**given, SIGNATURE_HEADER: f"v9,{_value(given)}"}

    return await _expect_refused(stage, headers)


async def _beside_unknown(stage: Stage) -> None:
    def with_unknown(pattern: str) -> Headers:
        def headers(webhook_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
            given = stage.signed(webhook_id, now, body)
            known = given[SIGNATURE_HEADER]
            unknown = f"v9,{_value(given)}"
            signature = pattern.format(known=known, unknown=unknown)
            return {**given, SIGNATURE_HEADER: signature}

        return headers

    expect_taken(await _send(stage, with_unknown("{unknown} {known}")))
    expect_taken(await _send(stage, with_unknown("{known} {unknown}")))


async def _rotation(stage: Stage) -> None:
    other, own = new_secret(), stage.plan.secret
    expect_taken(await _send(stage, signed_by(own, other)))
    expect_taken(await _send(stage, signed_by(other, own)))


async def _tolerance(stage: Stage) -> None:
    for shift in (-_NEAR, _NEAR):
        expect_taken(await _send(stage, signed_by(stage.plan.secret, shift=shift)))


async def _raw_bytes(stage: Stage) -> None:
    """Send JSON as nobody would write it again: spaces, and another order."""
    asked = stage.new(OrderKind.QUERY, NOTHING.number(3))
    body = stage.body_of([asked]).replace(b'","', b'" ,\n "') + b"\n"
    expect_taken(await stage.post([asked], headers=stage.signed, body=body))


async def _expect_refused(
    stage: Stage, *tries: Headers, named: Sequence[str] = ("",)
) -> Recheck:
    """Send an unbinding in ways that are to be refused, and have names.

    Without a number that is known to be bound only the answers can be judged.
    """
    try:
        number, unknown = await stage.bound_number(BEFORE), None
    except CannotTell as why:
        number, unknown = BEFORE.number(0), why
    asked = stage.new(OrderKind.UNBIND, number)
    asked.must_not = True
    answers = [await stage.post([asked], headers=headers) for headers in tries]
    last = answers[-1]
    if unknown is None and not any(sent.is_taken for sent in answers):
        await expect_bound(
            stage,
            number,
            f"应答 {last.seen_zh}，却仍执行了",
            f"answered {last.seen}, and acted on it all the same",
        )
    for sent, name in zip(answers, named, strict=True):
        expect_client_error(sent, name)
    if unknown is not None:
        raise unknown
    return lambda: expect_nothing_said(asked)


def _with(signed: Headers, name: str, value: str) -> Headers:
    return lambda webhook_id, now, body: {**signed(webhook_id, now, body), name: value}


def _without(signed: Headers, left_out: str) -> Headers:
    def headers(webhook_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
        given = signed(webhook_id, now, body)
        return {name: value for name, value in given.items() if name != left_out}

    return headers


def _cut(signed: Headers) -> Headers:
    """Give the beginning of the right signature only."""

    def headers(webhook_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
        given = signed(webhook_id, now, body)
        return {**given, SIGNATURE_HEADER: given[SIGNATURE_HEADER][:_HALF]}

    return headers


async def _send(stage: Stage, headers: Headers) -> Sent:
    asked = stage.new(OrderKind.QUERY, NOTHING.number(4))
    return await stage.post([asked], headers=headers)


def _value(headers: Mapping[str, str]) -> str:
    return headers[SIGNATURE_HEADER].removeprefix("v1,")


_FORGED = Words(
    "任何知道地址的人都能冒充系统解除他人的绑定",
    "Whoever knows the URL could have anybody's accounts detached.",
)
_REPLAYED = Words(
    "截获的请求可以被重放", "A request that somebody has recorded could be replayed."
)
_STRAY = Words(
    "扫描器会发来任何内容；出错的 500 会被当作故障",
    "Scanners send anything; an error of yours (500) counts as a failure.",
)
_STRICT = Words(
    "正确的请求会被拒绝并一直重试",
    "Right requests would be refused, and repeated until their deadline.",
)

_REFUSED = (
    ("missing", "没有签名", "without a signature", _FORGED, _missing),
    ("wrong-key", "以另一密钥签名", "signed with another secret", _FORGED, _wrong_key),
    (
        "altered-body",
        "签名后正文被改动",
        "whose body was altered after it was signed",
        _FORGED,
        _altered,
    ),
    (
        "malformed",
        "签名、时间戳或正文格式错误、残缺",
        "whose signature, timestamp or body is malformed, or cut short",
        _STRAY,
        _malformed,
    ),
    ("old", "时间戳早于 5 分钟前", "older than 5 minutes", _REPLAYED, _old),
    (
        "future",
        "时间戳晚于 5 分钟后",
        "more than 5 minutes ahead of the clock",
        _REPLAYED,
        _future,
    ),
    (
        "unknown-version",
        "只有未知版本的签名",
        "with a signature of an unknown version only",
        _FORGED,
        _unknown_version,
    ),
)
_TAKEN = (
    (
        "beside-unknown",
        "正确签名旁边有未知版本的签名",
        "with a signature of an unknown version beside the right one",
        _beside_unknown,
    ),
    (
        "rotation",
        "轮换密钥期间带两个签名，不论先后",
        "with two signatures, as while a secret is rotated, in either order",
        _rotation,
    ),
    (
        "tolerance",
        "时钟相差 4 分钟",
        "4 minutes off the clock, either way",
        _tolerance,
    ),
    (
        "raw-bytes",
        "JSON 写法不同，按原始字节签名",
        "signed over its very bytes, however its JSON is written",
        _raw_bytes,
    ),
)

RULES = tuple(
    Rule(
        f"signature-{name}",
        "signatures",
        Words(
            f"以 4xx 拒绝且不执行：{zh}",
            f"refused with 4xx and not acted on: a request {en}",
        ),
        matters,
        check,
    )
    for name, zh, en, matters, check in _REFUSED
) + tuple(
    Rule(
        f"signature-{name}",
        "signatures",
        Words(f"接收：{zh}", f"taken: a request {en}"),
        _STRICT,
        check,
    )
    for name, zh, en, check in _TAKEN
)
