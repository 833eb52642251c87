"""Read results out of the 2xx answer to a request, as the broker does."""

import json

from unbind_broker.callbacks.results import MAX_LINES
from unbind_broker.conformance.asked import Way
from unbind_broker.conformance.desk import Desk
from unbind_broker.conformance.posting import Sent
from unbind_broker.items.words import Words

_WHERE = Words("应答", "an answer")


def hear_answer(desk: Desk, sent: Sent, *, must_be_signed: bool) -> None:
    """Take the results in an answer; notice what the broker would leave unread."""
    answer = sent.exchange.answer
    if not sent.is_taken or not answer:
        return
    lines = _lines(desk, answer)
    if lines and must_be_signed:
        desk.notice(
            "unsigned",
            "结果在应答里，应答没有签名，不会被读取",
            "results came in an answer, which carries no signature and is not read",
        )
    elif lines:
        desk.look_for_numbers(answer.decode(errors="replace"), _WHERE)
        desk.hear(lines, Way.ANSWER)


def _lines(desk: Desk, answer: bytes) -> list[object]:
    try:
        body = json.loads(answer)
    except (ValueError, RecursionError):
        if b'"results"' in answer:
            _unreadable(desk, "不是 JSON", "is no JSON")
        return []
    lines = (body.get("results") if isinstance(body, dict) else None) or []
    if not isinstance(lines, list):
        _unreadable(desk, "的 results 不是列表", "holds results that are no list")
        return []
    if len(lines) > MAX_LINES:
        _unreadable(desk, f"超过 {MAX_LINES} 行", f"has over {MAX_LINES} lines")
    return lines[:MAX_LINES]


def _unreadable(desk: Desk, zh: str, en: str) -> None:
    desk.notice("answer-unreadable", f"应答{zh}", f"an answer {en}")
