"""The outcome, for people and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

from unbind_broker.conformance.asked import Asked
from unbind_broker.conformance.running import Judged, Verdict
from unbind_broker.items.words import Words

GUIDE = "/docs/platforms"
_MARKS = {
    Verdict.HOLDS: "✓",
    Verdict.BROKEN: "✗",
    Verdict.ADVISED: "!",
    Verdict.SKIPPED: "–",
}
_COUNTED = {
    Verdict.HOLDS: Words("符合", "hold"),
    Verdict.BROKEN: Words("不符合", "do not"),
    Verdict.ADVISED: Words("建议", "advice"),
    Verdict.SKIPPED: Words("未判断", "not judged"),
}
_SEEN = Words("所见", "seen")
_SENT = Words("最后发出", "sent last")
_WHY = Words("原因", "why")
_PAGE = Words("说明", "page")
_NOT_JUDGED = Words("未判断", "not judged")
_TO_MEND = Words("须改正", "to mend")
_BETWEEN = Words("，", ", ")
_COLON = Words("：", ": ")


class Language(StrEnum):
    """What people read."""

    EN = "en"
    ZH = "zh"

    def of(self, words: Words) -> str:
        """Choose the words of this language."""
        return words.zh if self is Language.ZH else words.en


def holds(judged: Sequence[Judged]) -> bool:
    """Tell whether no rule is broken."""
    return all(one.verdict is not Verdict.BROKEN for one in judged)


def as_lines(judged: Sequence[Judged], language: Language) -> Iterator[str]:
    """Write a line per rule, more where there is something to mend, and the sum."""
    width = max((len(one.rule.id) for one in judged), default=0)
    for one in judged:
        states = language.of(one.rule.states)
        yield f"{_MARKS[one.verdict]} {one.rule.id:<{width}}  {states}"
        yield from _explained(one, language, " " * (width + 4))
    yield ""
    broken = [one.rule.id for one in judged if one.verdict is Verdict.BROKEN]
    if broken:
        yield f"{language.of(_TO_MEND)}{language.of(_COLON)}{', '.join(broken)}"
    yield language.of(_BETWEEN).join(
        f"{count} {language.of(_COUNTED[verdict])}"
        for verdict, count in _counts(judged).items()
    )


def as_document(judged: Sequence[Judged], url: str, at: str) -> dict[str, object]:
    """Write all of it in both languages."""
    return {
        "url": url,
        "tried_at": at,
        "holds": holds(judged),
        "summary": {verdict.value: n for verdict, n in _counts(judged).items()},
        "rules": [_row(one) for one in judged],
    }


def _counts(judged: Sequence[Judged]) -> dict[Verdict, int]:
    counted = Counter(one.verdict for one in judged)
    return {verdict: counted[verdict] for verdict in Verdict}


def _explained(one: Judged, language: Language, indent: str) -> Iterator[str]:
    if one.seen is None:
        return
    seen, colon = language.of(one.seen), language.of(_COLON)
    if one.verdict is Verdict.SKIPPED:
        yield f"{indent}{language.of(_NOT_JUDGED)}{colon}{seen}"
        return
    yield f"{indent}{language.of(_SEEN)}{colon}{seen}"
    for asked in one.sent:
        yield f"{indent}{language.of(_SENT)}{colon}{asked.id} {_number(asked)}"
    yield f"{indent}{language.of(_WHY)}{colon}{language.of(one.rule.matters)}"
    yield f"{indent}{language.of(_PAGE)}{colon}{_page(one)}"


def _row(one: Judged) -> dict[str, object]:
    return {
        "id": one.rule.id,
        "verdict": one.verdict.value,
        "statement": one.rule.states._asdict(),
        "why": one.rule.matters._asdict(),
        "seen": None if one.seen is None else one.seen._asdict(),
        "sent": [{"id": asked.id, "number": _number(asked)} for asked in one.sent],
        "page": _page(one),
        "is_advice": one.rule.is_advice,
    }


def _number(asked: Asked) -> str | None:
    """Show enough of a test number to tell of which kind it is."""
    number = asked.outgoing.number
    return None if number is None else number.masked


def _page(one: Judged) -> str:
    return f"{GUIDE}#{one.rule.page}"
