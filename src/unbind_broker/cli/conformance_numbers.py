"""Print the test numbers, for people and for programs."""

import json

from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.base.magic_numbers import (
    BLOCKS,
    CUTOFF,
    OWNER_SINCE,
    WRONG,
    Block,
    as_document,
    describe,
)
from unbind_broker.cli.listing import show
from unbind_broker.conformance.report import Language
from unbind_broker.items.words import Words

_HEADING = Words(
    "入网时间 {since}，界限 {cutoff}。每段从 first 到 last 逐个种入；? 为时间不明。",
    "Holder since {since}, border {cutoff}. Seed every number from first to last; "
    "? is a binding of unknown date.",
)


def print_numbers(lang: Language, *, as_json: bool) -> None:
    """Print those that a platform's test store is seeded with."""
    if as_json:
        print(json.dumps(as_document(), ensure_ascii=False, indent=2))
        return
    print(lang.of(_HEADING).format(since=OWNER_SINCE, cutoff=show_instant(CUTOFF)))
    blocks = [block for block in BLOCKS if block.behaviour not in WRONG]
    show([_row(block, lang) for block in blocks], as_json=False)


def _row(block: Block, lang: Language) -> dict[str, object]:
    described = describe(block)
    dates = (show_instant_or_null(at) for at in block.bound_at)
    return {
        "first": described["first"],
        "last": described["last"],
        "bound_at": [at or "?" for at in dates],
        "query": described["query"],
        "unbind": described["unbind"],
        "reason": described["reason"],
        "meaning": lang.of(Words(block.zh, block.en)),
    }
