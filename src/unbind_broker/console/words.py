"""Every word of the console by its key."""

from collections.abc import Mapping

from unbind_broker.console import (
    words_audit,
    words_brake,
    words_carriers,
    words_clearances,
    words_elsewhere,
    words_fields,
    words_frame,
    words_holdings,
    words_keys,
    words_needs,
    words_orders,
    words_overview,
    words_platform,
    words_platforms,
    words_problems,
    words_registry,
    words_undeliverable,
    words_violations,
)
from unbind_broker.console.wording import Language, Words

_PARTS = (
    words_fields,
    words_frame,
    words_overview,
    words_keys,
    words_needs,
    words_platform,
    words_platforms,
    words_problems,
    words_orders,
    words_undeliverable,
    words_audit,
    words_clearances,
    words_violations,
    words_holdings,
    words_carriers,
    words_brake,
    words_registry,
    words_elsewhere,
)


def _joined() -> Mapping[str, Words]:
    joined: dict[str, Words] = {}
    for part in _PARTS:
        if twice := joined.keys() & part.WORDS:
            raise ValueError(f"{part.__name__} says again: {', '.join(sorted(twice))}")
        joined |= part.WORDS
    return joined


CATALOGUE = _joined()


def say(language: Language, key: str, **values: object) -> str:
    """Say what ``key`` stands for; raises ``KeyError`` for an unknown one."""
    words = CATALOGUE[key]
    said = words.zh if language == "zh" else words.en
    return said.format(**values) if values else said
