"""Rules about results that come later, by ``POST /v1/results``."""

from unbind_broker.base.magic_numbers import BEFORE, SLOW
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.conformance.asked import Way
from unbind_broker.conformance.noticing import nothing_noticed
from unbind_broker.conformance.rule import Check, Rule, When
from unbind_broker.conformance.said import Broken, CannotTell
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.words import Words
from unbind_broker.orders.states import OrderKind


async def _answers(stage: Stage) -> None:
    if any(one.code == "answer-unreadable" for one in stage.desk.noticed):
        await nothing_noticed("answer-unreadable")(stage)
    heard = (one for asked in stage.desk.asked.values() for one in asked.heard)
    if not any(one.way is Way.ANSWER for one in heard):
        raise CannotTell(
            "应答中没有结果，全部稍后上报",
            "no result came in an answer: all are reported later",
        )


async def _later(stage: Stage) -> None:
    asked = stage.new(OrderKind.UNBIND, await stage.bound_number(SLOW))
    await stage.take(asked)
    if not await stage.desk.hears(asked.settled):
        raise Broken(
            "接收之后一直没有上报结果", "it was taken, and no result was ever reported"
        )
    if not any(one.way is Way.REPORT for one in asked.heard):
        raise CannotTell(
            "结果都在应答中", "results come in the answers, even that of a slow one"
        )


async def _put_off(stage: Stage) -> None:
    """Refuse one report with 503; it must come again, under the same webhook-id."""
    desk = stage.desk
    asked = stage.new(OrderKind.UNBIND, await _slow_number(stage))
    desk.to_refuse = 1
    try:
        await stage.take(asked)
        came = await desk.hears(asked.settled)
    finally:
        desk.to_refuse = 0
    if not desk.refused:
        raise CannotTell("结果都在应答中", "results come in the answers")
    if not came:
        wait = f"{stage.plan.wait.total_seconds():g}"
        raise Broken(
            f"以 503 推迟的上报在 {wait} 秒内没有再来（--wait 可延长）",
            f"a report that was put off with 503 did not come again within {wait} s "
            "(--wait allows more)",
        )
    signed = stage.plan.result_public_key is not None
    if signed and desk.refused[0] not in desk.taken:
        raise Broken("再来时换了 webhook-id", "it came again under another webhook-id")


async def _slow_number(stage: Stage) -> PhoneNumber:
    try:
        return await stage.bound_number(SLOW)
    except CannotTell:
        return await stage.bound_number(BEFORE)


def _where_it_reports(*codes: str) -> Check:
    async def check(stage: Stage) -> None:
        noticed = {one.code for one in stage.desk.noticed}
        if not stage.desk.calls and noticed.isdisjoint(codes):
            raise CannotTell("没有任何上报", "nothing was reported")
        await nothing_noticed(*codes)(stage)

    return check


async def _signed(stage: Stage) -> None:
    if stage.plan.result_public_key is None:
        raise CannotTell(
            "未声明 result_public_key", "no result_public_key was declared"
        )
    await _where_it_reports("unsigned")(stage)


RULES = (
    Rule(
        "answer-readable",
        "answers",
        Words("应答中的结果可读", "results in a 2xx answer can be read"),
        Words(
            "否则明细只算接收，没有结果",
            "Otherwise the items count as taken, without a result.",
        ),
        _answers,
        When.AFTERWARDS,
    ),
    Rule(
        "result-later",
        "results",
        Words(
            "先接收、稍后以 POST /v1/results 上报",
            "what takes longer is taken at once and reported by POST /v1/results",
        ),
        Words(
            "应答须在 10 秒内；更久的处理放到之后",
            "Answers are due within 10 s; whatever takes longer comes later.",
        ),
        _later,
    ),
    Rule(
        "report-repeated",
        "results",
        Words("未被接收的上报会再来", "a report that was not taken comes again"),
        Words(
            "系统可能正在重启；结果不能丢",
            "The broker may be restarting; a result must not be lost.",
        ),
        _put_off,
        When.ALONE,
    ),
    Rule(
        "report-key",
        "results",
        Words(
            "调用带平台密钥（Authorization: Bearer）",
            "calls carry your key (Authorization: Bearer …)",
        ),
        Words("否则得到 401", "Without it they are answered 401."),
        _where_it_reports("key"),
        When.AFTERWARDS,
    ),
    Rule(
        "report-form",
        "results",
        Words(
            "上报为 JSON，1 至 1000 行，至多 1 MiB",
            "reports are JSON of 1 to 1,000 lines and at most 1 MiB",
        ),
        Words("否则整份被拒", "Otherwise the whole report is refused."),
        _where_it_reports("form"),
        When.AFTERWARDS,
    ),
    Rule(
        "report-signed",
        "signatures",
        Words(
            "声明公钥后上报带 v1a 签名",
            "reports are signed v1a where a public key is declared",
        ),
        Words(
            "签名的上报可作证据；未签名的不被接收",
            "A signed report is evidence; unsigned ones are not taken.",
        ),
        _signed,
        When.AFTERWARDS,
    ),
    Rule(
        "no-number",
        "results",
        Words("结果中没有手机号码", "no result holds a phone number"),
        Words(
            "明细以 id 指称；号码不得再传",
            "Items are named by id; a number is told to nobody who does not need it.",
        ),
        nothing_noticed("number"),
        When.AFTERWARDS,
    ),
)
