"""Try an endpoint by all rules, each at its time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from socket import socket

from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.desk import Desk
from unbind_broker.conformance.door import open_door
from unbind_broker.conformance.following import follow
from unbind_broker.conformance.manifests import Manifests
from unbind_broker.conformance.plan import Plan
from unbind_broker.conformance.posting import Sent, open_poster
from unbind_broker.conformance.registry import RULES
from unbind_broker.conformance.rule import Recheck, Rule, When
from unbind_broker.conformance.said import Broken, CannotTell, CannotTry
from unbind_broker.conformance.stage import Stage
from unbind_broker.items.words import Words
from unbind_broker.sending.payloads import test_payload

_CLIENT_ERRORS = range(400, 500)
_LONGEST_LINGER = 5.0
_LEAST_LINGER = 0.1
_BARE = frozenset({"challenge", "test-event", "signature-valid", "no-redirect"})
"""Rules that are tried even where no request is taken."""


class Verdict(StrEnum):
    """How a rule ended."""

    HOLDS = "holds"
    BROKEN = "broken"
    ADVISED = "advised"  # it does not hold, and nothing depends on it
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Judged:
    """A rule and how it ended; ``seen`` says what was seen, or why it was skipped.

    ``sent`` are the last items of a rule that does not hold, the newest last.
    """

    rule: Rule
    verdict: Verdict
    seen: Words | None = None
    sent: tuple[Asked, ...] = ()


async def try_endpoint(
    plan: Plan,
    listener: socket,
    now: Callable[[], datetime],
    only: Collection[str] = (),
    told: Callable[[Words], None] = lambda _: None,
) -> list[Judged]:
    """Try an endpoint, and give the rules in the order of the registry.

    Reports are taken on ``listener``; what takes so long is ``told``. Raises
    ``CannotTry`` if nobody answers there who knows the secret.
    """
    async with open_stage(plan, listener, now) as stage:
        await _wait_for_endpoint(stage, told)
        rules = _needed(only)
        told(Words(f"正在检验 {len(rules)} 条规则……", f"Trying {len(rules)} rules …"))
        tried = await _try_rules(stage, rules)
    return [tried[rule.id] for rule in RULES if not only or rule.id in only]


@asynccontextmanager
async def open_stage(
    plan: Plan, listener: socket, now: Callable[[], datetime]
) -> AsyncIterator[Stage]:
    """Open connections to the endpoint, and the door at which it reports."""
    async with open_poster(plan, now) as poster:
        stage = Stage(plan, poster, Desk(now, plan.wait), Manifests(now), now)
        async with open_door(stage, listener):
            yield stage


async def _wait_for_endpoint(stage: Stage, told: Callable[[Words], None]) -> None:
    """Wait until it is up, and takes what is signed with the secret."""
    loop = asyncio.get_running_loop()
    within, why = stage.plan.within.total_seconds(), None
    ends = loop.time() + within
    while True:
        sent = await stage.poster.try_out(test_payload(stage.now()), stage.signed)
        if _is_there(sent):
            return
        before, why = why, _why_not(sent)
        if loop.time() >= ends:
            raise CannotTry(why)
        if why != before:
            told(_still_trying(why, within))
        await asyncio.sleep(stage.plan.pause.total_seconds())


def _is_there(sent: Sent) -> bool:
    """Tell whether rules can be tried; whoever hangs is there, too."""
    if sent.status is None:
        return sent.exchange.disclosed
    return sent.status not in _CLIENT_ERRORS


def _still_trying(why: Words, within: float) -> Words:
    return Words(
        f"{why.zh}（继续尝试，至多 {within:g} 秒，可用 --within 调整）",
        f"{why.en} (trying on for up to {within:g} s, see --within)",
    )


def _why_not(sent: Sent) -> Words:
    match sent.status:
        case None:
            error = sent.exchange.error
            return Words(
                f"该 URL 无人应答：{error}", f"nobody answers at this URL: {error}"
            )
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.BAD_REQUEST:
            hint = _NO_SECRET
        case _:
            hint = _NO_PATH
    return Words(
        f"对签名正确的请求，端点应答 {sent.seen_zh}：{hint.zh}",
        f"the endpoint answers {sent.seen} to what is rightly signed: {hint.en}",
    )


_NO_SECRET = Words(
    "那里装的是本次检验的签名密钥吗？", "is the secret of this trial installed there?"
)
_NO_PATH = Words("路径对吗？", "is this the path of the endpoint?")


def _needed(only: Collection[str]) -> Sequence[Rule]:
    """Give the rules to try: what looks back needs all the others."""
    chosen = [rule for rule in RULES if rule.id in only]
    if not chosen or any(rule.when is When.AFTERWARDS for rule in chosen):
        return RULES
    return [rule for rule in RULES if rule in chosen or rule.when is When.FIRST]


async def _try_rules(stage: Stage, rules: Sequence[Rule]) -> dict[str, Judged]:
    trials = {rule.id: _Trial(rule) for rule in rules}

    def of(when: When) -> list[_Trial]:
        return [trial for trial in trials.values() if trial.rule.when is when]

    for trial in of(When.FIRST):
        await trial.run(stage)
    await asyncio.gather(*(trial.run(stage) for trial in of(When.TOGETHER)))
    for trial in of(When.ALONE):
        await trial.run(stage)
    await _linger(stage)
    for trial in trials.values():
        trial.look_again()
    for trial in of(When.AFTERWARDS):
        await trial.run(stage)
    return {name: trial.judged for name, trial in trials.items()}


class _Trial:
    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.judged = Judged(rule, Verdict.HOLDS)
        self._recheck: Recheck | None = None
        self._sent: Sequence[Asked] = ()

    async def run(self, stage: Stage) -> None:
        self._sent = follow()
        try:
            if stage.mute is not None and self.rule.id not in _BARE:
                raise stage.mute
            self._recheck = await self.rule.check(stage)
        except Broken as broken:
            self._fail(broken)
        except CannotTell as why:
            self.judged = Judged(self.rule, Verdict.SKIPPED, why.words)

    def look_again(self) -> None:
        try:
            if self._recheck is not None:
                self._recheck()
        except Broken as broken:
            self._fail(broken)

    def _fail(self, broken: Broken) -> None:
        verdict = Verdict.ADVISED if self.rule.is_advice else Verdict.BROKEN
        self.judged = Judged(self.rule, verdict, broken.words, tuple(self._sent))


async def _linger(stage: Stage) -> None:
    """Give reports that are not to come the time that the others took."""
    if stage.desk.reported:
        longest = max(_LEAST_LINGER, 2 * stage.desk.slowest)
        await asyncio.sleep(min(longest, _LONGEST_LINGER))
