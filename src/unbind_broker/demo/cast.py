"""Who is who among the demonstration's platforms: a few of every character."""

from dataclasses import replace
from datetime import timedelta

from unbind_broker.demo.traits import Dice, Traits

_QUICK = Traits(latency=timedelta(milliseconds=60), refuse_rate=0.08, partly_rate=0.08)
_CHARACTERS: tuple[tuple[float, Traits], ...] = (
    (0.08, replace(_QUICK, latency=timedelta(seconds=1.5))),  # slow
    (0.18, replace(_QUICK, fail_rate=1.0, most_failures=2)),  # fails first
    (0.40, replace(_QUICK, report_rate=1.0)),  # answers later, by /v1/results
    (0.50, replace(_QUICK, interim_rate=1.0)),  # says in_progress first
    (0.56, replace(_QUICK, refuse_rate=0.9)),  # refuses
)


def character(slug: str) -> Traits:
    """Give a platform its character; it keeps it from one demonstration to the next."""
    drawn = Dice().roll("character", slug)
    for limit, traits in _CHARACTERS:
        if drawn < limit:
            return traits
    return _QUICK
