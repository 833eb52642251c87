"""The desk at which results arrive; they are judged as the broker judges them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from unbind_broker.base.ids import Prefix, parse_id, without_ids
from unbind_broker.base.numbers import holds_number
from unbind_broker.callbacks.demands import Fault
from unbind_broker.callbacks.judging import (
    Conflict,
    Duplicate,
    NeverAsked,
    Recorded,
    Rejected,
    Verdict,
    judge,
)
from unbind_broker.callbacks.lines import read_line
from unbind_broker.callbacks.report import Report, UnknownId, Unreadable
from unbind_broker.conformance.asked import Asked, Heard, Way
from unbind_broker.conformance.said import CannotTell, Noticed, spelled
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.words import Words

LineAnswer = dict[str, object]

_SILENT_AFTER = 2
"""Items that nothing was heard of, after which nobody waits for the next one."""


class Desk:
    """Keep what was asked, and what was said of it.

    ``calls`` counts what came with the right key; the ``webhook-id`` of reports that
    were put off and of those that were taken is kept.
    """

    def __init__(self, now: Callable[[], datetime], wait: timedelta) -> None:
        self.noticed: list[Noticed] = []
        self.asked: dict[UUID, Asked] = {}
        self.reported = 0
        self.slowest = 0.0
        self.silences = 0
        self.calls = 0
        self.to_refuse = 0
        self.refused: list[str | None] = []
        self.taken: list[str | None] = []
        self._settled = 0
        self._now = now
        self._wait = wait.total_seconds()

    @property
    def heard_any(self) -> bool:
        """Tell whether anything was said of any item."""
        return any(asked.heard for asked in self.asked.values())

    def expect(self, asked: Asked) -> Asked:
        """Remember what is about to be asked."""
        self.asked[asked.outgoing.order_id] = asked
        return asked

    def notice(self, code: str, zh: str, en: str) -> None:
        """Write down something wrong."""
        self.noticed.append(Noticed(code, Words(zh, en)))

    def refuses(self, webhook_id: str | None) -> bool:
        """Tell whether a report is to be put off, as told by ``to_refuse``."""
        is_refused = self.to_refuse > 0
        self.to_refuse -= is_refused
        (self.refused if is_refused else self.taken).append(webhook_id)
        return is_refused

    def hear(self, lines: Sequence[object], way: Way) -> list[LineAnswer]:
        """Take the lines of one answer or report."""
        return [self._hear(line, way) for line in lines]

    def look_for_numbers(self, text: str, where: Words) -> None:
        """Notice a number where none belongs."""
        if holds_number(without_ids(text)):
            self.notice(
                "number", f"{where.zh}中有手机号码", f"{where.en} holds a phone number"
            )

    async def result(self, asked: Asked) -> Report:
        """Wait for the final result of an item; raises ``CannotTell``."""
        await self.last_word(asked)
        if asked.result is None:
            raise self._not_taken(asked)
        return asked.result

    async def last_word(self, asked: Asked) -> ItemStatus:
        """Wait for a final outcome, even if it is not to be taken.

        Raises ``CannotTell`` if none comes, or none that can be read.
        """
        is_silent = self.silences >= _SILENT_AFTER and not self._settled
        if not await self.hears(asked.settled, 0.0 if is_silent else None):
            self.silences += 1
            raise CannotTell(
                f"{self._wait:g} 秒内没有收到最终结果（见 result-comes）",
                f"no final result came within {self._wait:g} s (see result-comes)",
            )
        outcomes = (one.report.outcome for one in asked.heard)
        final = next((one for one in outcomes if one.is_final), None)
        if final is None:
            raise self._not_taken(asked)
        return final

    async def hears(self, event: asyncio.Event, within: float | None = None) -> bool:
        """Wait until something is heard; tell whether it was heard in time."""
        try:
            async with asyncio.timeout(self._wait if within is None else within):
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True

    def _not_taken(self, asked: Asked) -> CannotTell:
        return CannotTell(
            f"{asked.id} 的结果不被接受：{asked.rejected}",
            f"the result of {asked.id} was not taken: {asked.rejected}",
        )

    def _hear(self, line: object, way: Way) -> LineAnswer:
        self.reported += way is Way.REPORT
        read = read_line(line)
        match read:
            case Unreadable(id=named, code=code, detail=detail):
                self._notice_rejected(code, detail, named)
                self._give_up(named, code)
                return _answer(named, "rejected", code, detail)
            case UnknownId(id=named):
                return self._unknown(named)
            case Report():
                asked = self.asked.get(read.order_id)
                if asked is None:
                    return self._unknown(read.id)
                return self._judge(asked, read, way)
            case _:
                assert_never(read)

    def _judge(self, asked: Asked, report: Report, way: Way) -> LineAnswer:
        verdict = self._verdict(asked, report)
        asked.heard.append(Heard(report, verdict, way))
        asked.spoken.set()
        match verdict:
            case Recorded():
                return self._record(asked, report, verdict)
            case Duplicate():
                return _answer(report.id, "duplicate")
            case Conflict(detail=detail):
                self._notice_conflict(asked)
                return _answer(report.id, "conflict", None, detail)
            case Rejected(fault=fault):
                return self._reject(asked, report, fault)
            case NeverAsked():
                return _answer(report.id, "unknown")
            case _:
                assert_never(verdict)

    def _record(self, asked: Asked, report: Report, recorded: Recorded) -> LineAnswer:
        asked.item = recorded.item
        if recorded.outside:
            self._notice_outside(asked)
        if recorded.item.status.is_final:
            self._settle(asked, report)
        code = "outside-interval" if recorded.outside else None
        return _answer(report.id, "recorded", code)

    def _reject(self, asked: Asked, report: Report, fault: Fault) -> LineAnswer:
        self._notice_rejected(fault.code, fault.detail, asked.id)
        if report.outcome.is_final:
            asked.rejected = fault.code
            asked.settled.set()
        return _answer(report.id, "rejected", fault.code, fault.detail)

    def _verdict(self, asked: Asked, report: Report) -> Verdict:
        if asked.must_not:
            return NeverAsked()
        return judge(self._now(), asked.question, asked.item, report)

    def _settle(self, asked: Asked, report: Report) -> None:
        if asked.result is None:
            self._settled += 1
            took = asyncio.get_running_loop().time() - asked.sent_at
            self.slowest = max(self.slowest, took)
        asked.result = report
        asked.settled.set()

    def _give_up(self, named: str | None, code: str) -> None:
        order_id = parse_id(named or "", Prefix.QUERY, Prefix.ORDER)
        asked = None if order_id is None else self.asked.get(order_id)
        if asked is not None:
            asked.rejected = code
            asked.spoken.set()
            asked.settled.set()

    def _unknown(self, named: str) -> LineAnswer:
        self.notice(
            "unknown",
            "报告了从未请求过的明细",
            "a line is about an item that nobody asked for",
        )
        return _answer(named, "unknown")

    def _notice_rejected(self, code: str, detail: str, named: str | None) -> None:
        about = "" if named is None else spelled(named)
        self.notice(code, f"{code}：{detail}（{about}）", f"{code}: {detail} ({about})")

    def _notice_conflict(self, asked: Asked) -> None:
        # Of those that were sent twice the rule about that tells.
        if not asked.repeated:
            self.notice(
                "conflict",
                f"{asked.id} 先后得到两个不同结果",
                f"{asked.id} was given two different results",
            )

    def _notice_outside(self, asked: Asked) -> None:
        self.notice(
            "outside",
            f"{asked.id} 报告解除了区间之外的绑定",
            f"{asked.id}: a binding outside the interval was removed",
        )


def _answer(
    named: str | None, status: str, code: str | None = None, detail: str | None = None
) -> LineAnswer:
    why = {"code": code, "detail": detail}
    known = {name: word for name, word in why.items() if word is not None}
    return {"id": named, "status": status, **known}
