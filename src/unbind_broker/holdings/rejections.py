"""Why an event is rejected. No answer tells more of another carrier than that it is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rejection:
    """An event that contradicts what is known."""

    code: str
    detail: str


UNKNOWN = Rejection("holding-unknown", "no holding of yours is known for this number")
ELSEWHERE = Rejection(
    "holding-elsewhere",
    "against what another carrier told: it holds this number, held it lately and has "
    "not told ported_out, or told of something newer",
)
NEWER = Rejection("holding-newer-known", "something newer than this day is known")
OVER = Rejection(
    "holding-ended",
    "by what you told before, your holding has ended already: on another day, or in "
    "another way",
)
CONTRADICTED = Rejection(
    "holding-contradicted", "against what you told before of the same holder"
)
FREEZE_OVER = Rejection(
    "freeze-over", "a former holder can come back only within the freeze"
)
REJECTIONS = (UNKNOWN, ELSEWHERE, NEWER, OVER, CONTRADICTED, FREEZE_OVER)
