"""Why a brake is on, in the reader's language."""

import re
from collections.abc import Sequence

from unbind_broker.carriers.brakes import Brake
from unbind_broker.console.visits import Visit

_BROKER = "broker"
_KNOWN: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern), key)
    for pattern, key in (
        (
            r"(?P<bad>\d+) of the newest (?P<all>\d+) results were .*",
            "brake.reason.results",
        ),
        (
            r"(?P<bad>\d+) of the newest (?P<all>\d+) findings of clearances were .*",
            "brake.reason.findings",
        ),
    )
)


def explain_brake(visit: Visit, brake: Brake) -> str:
    """Say why a brake is on; what people wrote stays as they wrote it."""
    if brake.engaged_by == _BROKER:
        for pattern, key in _KNOWN:
            if found := pattern.fullmatch(brake.reason):
                return visit.say(key, **found.groupdict())
    return brake.reason
