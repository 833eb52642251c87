"""Magic numbers: test numbers about which everybody knows what a platform holds.

A platform seeds its test store with them; whoever rehearses without one answers for
them by the same table. They lie in the made-up range, and their last four digits tell
the block that they belong to. Instants count from ``CUTOFF``: what lies before it is
the former holder's, what lies on it or after it the present holder's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.base.numbers import PhoneNumber

OWNER_SINCE = date(2025, 3, 1)
CUTOFF = datetime(2025, 2, 28, 16, tzinfo=UTC)
"""The beginning of ``OWNER_SINCE`` in Shanghai."""

_RANGE = "+861380000"
_DIGITS = 4
_BEFORE = -timedelta(days=637)
_LONG_BEFORE = -timedelta(days=900)
_LAST_SECOND = -timedelta(seconds=1)
_ON = timedelta(0)
_AFTER = timedelta(days=93)


class Behaviour(StrEnum):
    """How whoever answers for a number goes about it."""

    PROMPT = "prompt"  # at once
    ASKING = "asking"  # says action_required first, which may end in unbound
    SLOW = "slow"  # takes it without a result, and reports a little later
    LATE = "late"  # reports after the deadline only
    CONTRADICTING = "contradicting"  # reports two different results
    VIOLATING = "violating"  # removes the present holder's binding too


WRONG = frozenset({Behaviour.LATE, Behaviour.CONTRADICTING, Behaviour.VIOLATING})
"""How no right platform behaves: for rehearsals of those who depend on platforms."""


@dataclass(frozen=True)
class Answer:
    """What a right platform answers, in the words of its reports."""

    outcome: str
    reason: str | None = None
    bindings: int | None = None
    removed: int | None = None
    kept: int | None = None
    last_bound_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Block:
    """Numbers that are alike.

    ``bound`` says when their bindings were made, from the cutoff; None is a binding of
    which the platform does not know it. ``reason`` keeps ``kept`` of the bindings from
    being removed, or all of them where that is 0.
    """

    name: str
    first: int
    size: int = 100
    zh: str
    en: str
    bound: tuple[timedelta | None, ...] = (_BEFORE,)
    reason: str | None = None
    kept: int = 0
    behaviour: Behaviour = Behaviour.PROMPT

    def number(self, copy: int) -> PhoneNumber:
        """Give one of the numbers, counted from 0."""
        return PhoneNumber(f"{_RANGE}{self.first + copy:04}")

    @property
    def bound_at(self) -> tuple[datetime | None, ...]:
        """Say when the bindings of each of its numbers were made."""
        return tuple(None if at is None else CUTOFF + at for at in self.bound)

    def answer_query(
        self, bound_from: datetime | None, bound_before: datetime
    ) -> Answer:
        """Say what is in the interval."""
        found = self.bound_in(bound_from, bound_before)
        if not found:
            return self._nothing()
        if self.reason == "active_after_cutoff":
            return Answer("refused", self.reason)
        return Answer("bound", bindings=len(found), last_bound_at=max(found))

    def answer_unbind(
        self, bound_from: datetime | None, bound_before: datetime
    ) -> Answer:
        """Say what comes of detaching what is in the interval, in the end."""
        found = self.bound_in(bound_from, bound_before)
        if not found:
            return self._nothing()
        if self.reason is None:
            return Answer("unbound", removed=len(found), last_bound_at=max(found))
        removed = len(found) - self.kept
        if not self.kept or removed < 1:
            return Answer("refused", self.reason)
        newest = sorted(found)[removed - 1]
        return Answer(
            "partly_unbound",
            self.reason,
            removed=removed,
            kept=self.kept,
            last_bound_at=newest,
        )

    def bound_in(
        self, bound_from: datetime | None, bound_before: datetime
    ) -> list[datetime]:
        """Say which of its bindings are known to be in the interval."""
        return [
            at
            for at in self.bound_at
            if at is not None
            and at < bound_before
            and (bound_from is None or at >= bound_from)
        ]

    def _nothing(self) -> Answer:
        if None in self.bound:
            return Answer("refused", "bound_at_unknown")
        return Answer("not_bound")


def block_of(number: PhoneNumber) -> Block | None:
    """Find the block of a number; None where nobody has a binding."""
    if not number.e164.startswith(_RANGE):
        return None
    last = int(number.e164[-_DIGITS:])
    return next((b for b in BLOCKS if b.first <= last < b.first + b.size), None)


def as_document() -> dict[str, object]:
    """Write the whole table for programs that seed a store."""
    return {
        "owner_since": OWNER_SINCE.isoformat(),
        "cutoff": show_instant_or_null(CUTOFF),
        "blocks": [describe(block) for block in BLOCKS],
    }


def describe(block: Block) -> Mapping[str, object]:
    """Write what a store is seeded with, and what a right platform answers then."""
    return {
        "name": block.name,
        "first": block.number(0).e164,
        "last": block.number(block.size - 1).e164,
        "bindings": [show_instant_or_null(at) for at in block.bound_at],
        "query": block.answer_query(None, CUTOFF).outcome,
        "unbind": block.answer_unbind(None, CUTOFF).outcome,
        "reason": block.answer_unbind(None, CUTOFF).reason,
        "kept": block.kept,
        "behaviour": block.behaviour.value,
        "for_platforms": block.behaviour not in WRONG,
        "meaning": {"zh": block.zh, "en": block.en},
    }


BEFORE = Block(
    name="before",
    first=1000,
    size=1000,
    zh="入网时间之前绑定",
    en="bound before the border",
)
LAST_SECOND = Block(
    name="last-second",
    first=2000,
    zh="界限前最后一秒绑定",
    en="bound in the last second before the border",
    bound=(_LAST_SECOND,),
)
ON_BORDER = Block(
    name="on-border",
    first=2100,
    zh="恰在界限时绑定，属于现机主",
    en="bound exactly on the border: the present holder's",
    bound=(_ON,),
)
AFTER = Block(
    name="after",
    first=2200,
    zh="界限之后绑定，属于现机主",
    en="bound after the border: the present holder's",
    bound=(_AFTER,),
)
BOTH = Block(
    name="both",
    first=2300,
    zh="前机主与现机主各有一个绑定",
    en="one binding of the former holder, one of the present one",
    bound=(_BEFORE, _AFTER),
)
PARTLY = Block(
    name="partly",
    first=4000,
    zh="两个绑定，其中一个因资产或债务未结清而保留",
    en="two bindings, one of which stays because assets or liabilities are open",
    bound=(_LONG_BEFORE, _BEFORE),
    reason="assets_or_liabilities_open",
    kept=1,
)
ACTION_REQUIRED = Block(
    name="action-required",
    first=4100,
    zh="需要现机主操作",
    en="something is needed of the present holder",
    behaviour=Behaviour.ASKING,
)
SLOW = Block(
    name="slow",
    first=4200,
    zh="先接收，稍后上报结果",
    en="taken without a result, which is reported a little later",
    behaviour=Behaviour.SLOW,
)

_REFUSALS = (
    ("assets_or_liabilities_open", "资产或债务未结清", "assets or liabilities open"),
    ("legal_hold", "司法冻结", "frozen by law"),
    ("account_under_investigation", "账号调查中", "account under investigation"),
    ("bound_at_unknown", "绑定时间不明", "nobody knows when it was bound"),
    (
        "active_after_cutoff",
        "界限前绑定，界限后仍用该号码的验证码登录",
        "bound before the border, and used with this number's codes after it",
    ),
    ("shared_identifier", "号码被多个账号共用", "shared by several accounts"),
    ("suspected_fraud", "疑似欺诈", "suspected fraud"),
    ("not_supported", "平台不支持", "the platform cannot do it"),
    ("other", "其他原因，须附说明", "another reason, which needs a detail"),
)

REFUSED: Mapping[str, Block] = {
    reason: Block(
        name=f"refused-{reason.replace('_', '-')}",
        first=3000 + 100 * place,
        zh=zh,
        en=en,
        bound=(None,) if reason == "bound_at_unknown" else (_BEFORE,),
        reason=reason,
    )
    for place, (reason, zh, en) in enumerate(_REFUSALS, 1)
}
"""By reason."""

BLOCKS = (
    BEFORE,
    LAST_SECOND,
    ON_BORDER,
    AFTER,
    BOTH,
    *REFUSED.values(),
    PARTLY,
    ACTION_REQUIRED,
    SLOW,
    Block(
        name="late",
        first=4300,
        zh="期限过后才上报结果",
        en="reported after the deadline only",
        behaviour=Behaviour.LATE,
    ),
    Block(
        name="contradicting",
        first=4400,
        zh="先后上报两个不同结果",
        en="two different results are reported",
        behaviour=Behaviour.CONTRADICTING,
    ),
    Block(
        name="violating",
        first=4500,
        zh="连同现机主的绑定一并解除",
        en="the present holder's binding is removed too",
        bound=(_BEFORE, _AFTER),
        behaviour=Behaviour.VIOLATING,
    ),
)
"""Every block, in the order of its numbers."""

NOTHING = Block(
    name="nothing",
    first=5000,
    size=5000,
    zh="没有任何绑定",
    en="no binding at all",
    bound=(),
)
"""The rest of the range: nothing is to be seeded."""
