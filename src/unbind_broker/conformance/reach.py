"""Rules about being there at all, and about knowing the test numbers."""

from http import HTTPStatus

from unbind_broker.base.ids import new_token
from unbind_broker.base.magic_numbers import BEFORE, NOTHING
from unbind_broker.conformance.expecting import expect_outcome, expect_taken
from unbind_broker.conformance.rule import Rule, When
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.endpoints.challenge import challenge_fault
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending import payloads

_CHALLENGE_BYTES = 24


async def _challenge(stage: Stage) -> None:
    challenge = new_token(_CHALLENGE_BYTES)
    sent = await stage.tell(payloads.verification_payload(stage.now(), challenge))
    if sent.status is None:
        raise Broken(sent.seen_zh, sent.seen)
    fault = challenge_fault(sent.status, sent.exchange.answer, challenge)
    if fault is not None:
        raise Broken(
            f"应答：{sent.seen_zh}，应为 200 OK"
            if sent.status != HTTPStatus.OK
            else '应答 200，但正文不是 JSON，或没有原样返回 {"challenge": "…"}',
            fault,
        )


async def _test_event(stage: Stage) -> None:
    expect_taken(await stage.tell(payloads.test_payload(stage.now())))


async def _valid(stage: Stage) -> None:
    asked = stage.new(OrderKind.QUERY, NOTHING.number(0))
    sent = await stage.post([asked])
    if not sent.is_taken:
        stage.mute = CannotTell(
            "端点不接收签名正确的请求（见 signature-valid）",
            "the endpoint takes no rightly signed request (see signature-valid)",
        )
    expect_taken(sent)


async def _seeded(stage: Stage) -> None:
    try:
        number = await stage.bound_number(BEFORE)
    except CannotTell as why:
        stage.unseeded = CannotTell(
            "没有可用的测试号码（见 seeded）",
            "no test number can be relied on (see seeded)",
        )
        if stage.desk.silences or stage.desk.noticed:
            raise  # it may hold them; its results are what fails
        raise Broken(why.words.zh, why.words.en) from None
    nothing = await stage.query(NOTHING.number(1))
    expect_outcome(nothing.outcome, ItemStatus.NOT_BOUND)
    again = await stage.query(number)
    if again.outcome is not ItemStatus.BOUND:
        stage.queries_change = True
        stage.unseeded = CannotTell(
            "查询改变了绑定（见 query-changes-nothing）",
            "queries change what is bound (see query-changes-nothing)",
        )


async def _query_changes_nothing(stage: Stage) -> None:
    if stage.queries_change:
        raise Broken(
            "查询之后再查询，绑定已经没有了",
            "a binding that a query had found was gone in the next one",
        )
    number = await stage.bound_number(BEFORE)
    first, second = await stage.query(number), await stage.query(number)
    if (first.outcome, first.bindings, first.last_bound_at) != (
        second.outcome,
        second.bindings,
        second.last_bound_at,
    ):
        raise Broken("两次查询结果不同", "two queries found different things")
    expect_outcome((await stage.unbind(number)).outcome, ItemStatus.UNBOUND)


async def _redirect(stage: Stage) -> None:
    statuses = {sent.status for sent in stage.poster.sent}
    found = sorted(s for s in statuses if s and s // 100 == HTTPStatus.FOUND // 100)
    if found:
        raise Broken(f"应答了 {found[0]}", f"it answered {found[0]}")


async def _small(stage: Stage) -> None:
    longest = max(len(sent.exchange.answer) for sent in stage.poster.sent)
    if any(sent.is_too_long for sent in stage.poster.sent):
        raise Broken(
            f"应答至少 {longest} 字节", f"an answer had at least {longest} bytes"
        )


async def _keeps_connection(stage: Stage) -> None:
    body = payloads.test_payload(stage.now())
    await stage.tell(body)
    if (await stage.tell(body)).exchange.timings.connect_ms is not None:
        raise Broken(
            "每个请求之后都关闭连接", "it closes the connection after each request"
        )


RULES = (
    Rule(
        "challenge",
        "connecting",
        Words(
            "10 秒内以 200 原样返回 endpoint.verification 的 challenge",
            "endpoint.verification is answered within 10 s: 200, the same challenge",
        ),
        Words(
            "否则端点无法激活，收不到任何请求",
            "An endpoint that does not answer it never becomes active.",
        ),
        _challenge,
        When.FIRST,
    ),
    Rule(
        "test-event",
        "connecting",
        Words("endpoint.test 应答 2xx", "endpoint.test is answered 2xx"),
        Words(
            "这是你们自己触发的连通性测试",
            "It is how you try the line yourself, with POST /v1/endpoint/test.",
        ),
        _test_event,
        When.FIRST,
    ),
    Rule(
        "signature-valid",
        "signatures",
        Words(
            "签名正确的请求应答 2xx", "a rightly signed request is answered 2xx in time"
        ),
        Words(
            "否则明细会一直重试直至期限",
            "What is not answered 2xx within 10 s is repeated until its deadline.",
        ),
        _valid,
        When.FIRST,
    ),
    Rule(
        "seeded",
        "test-numbers",
        Words(
            "测试库中有测试号码，查询能查到",
            "the test store holds the test numbers, and queries find them",
        ),
        Words(
            "没有它们就无法判断绑定规则：unbind-broker conformance --numbers",
            "Without them nothing about bindings can be judged: "
            "unbind-broker conformance --numbers lists them.",
        ),
        _seeded,
        When.FIRST,
    ),
    Rule(
        "query-changes-nothing",
        "queries",
        Words("查询不改变任何绑定", "a query changes nothing"),
        Words(
            "机主只是想看看，不是同意解绑",
            "Who asks what is bound has not agreed to have it detached.",
        ),
        _query_changes_nothing,
        When.FIRST,
    ),
    Rule(
        "no-redirect",
        "connecting",
        Words("不以 3xx 应答", "no answer is a redirect"),
        Words(
            "不跟随重定向：号码只发往已登记的地址",
            "Redirects are not followed: numbers go to the registered URL only.",
        ),
        _redirect,
        When.AFTERWARDS,
    ),
    Rule(
        "answer-small",
        "answers",
        Words(
            "应答不超过 16 KiB，或请求的两倍",
            "answers have at most 16 KiB, or twice the size of the request",
        ),
        Words(
            "多出的部分不会被读取，其中的结果会丢失",
            "More is not read, and results in it are lost.",
        ),
        _small,
        When.AFTERWARDS,
    ),
    Rule(
        "keep-alive",
        "connecting",
        Words("保持连接", "connections are kept open"),
        Words(
            "每个请求重新握手，吞吐量会低得多",
            "A handshake for each request costs most of your throughput.",
        ),
        _keeps_connection,
        When.ALONE,
        is_advice=True,
    ),
)
