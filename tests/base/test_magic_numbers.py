"""The table of test numbers is whole, and answers by the interval."""

import json
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.architecture.house import real_numbers
from unbind_broker.base.magic_numbers import (
    AFTER,
    BEFORE,
    BLOCKS,
    BOTH,
    CUTOFF,
    LAST_SECOND,
    NOTHING,
    ON_BORDER,
    OWNER_SINCE,
    PARTLY,
    REFUSED,
    Answer,
    Block,
    as_document,
    block_of,
)
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.items.states import OUTCOMES, REFUSALS, ItemStatus
from unbind_broker.orders.states import OrderKind

NOW = CUTOFF + timedelta(days=600)


def test_blocks_do_not_overlap_and_stay_in_the_made_up_range() -> None:
    places = [
        place
        for block in (*BLOCKS, NOTHING)
        for place in range(block.first, block.first + block.size)
    ]
    assert len(places) == len(set(places))
    assert max(places) == 9999
    for block in (*BLOCKS, NOTHING):
        for copy in (0, block.size - 1):
            assert real_numbers(block.number(copy).e164) == []


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_number_is_found_in_its_block(block: Block) -> None:
    assert block_of(block.number(0)) is block
    assert block_of(block.number(block.size - 1)) is block


def test_other_numbers_have_no_bindings() -> None:
    assert block_of(NOTHING.number(0)) is None
    assert block_of(PhoneNumber("+8613800000999")) is None
    assert NOTHING.answer_query(None, CUTOFF) == Answer("not_bound")


def test_every_reason_of_a_refusal_has_a_block() -> None:
    assert set(REFUSED) == {reason.value for reason in REFUSALS}
    for reason, block in REFUSED.items():
        assert block.answer_unbind(None, CUTOFF) == Answer("refused", reason)


@pytest.mark.parametrize(
    ("block", "former", "present"),
    [
        (BEFORE, "bound", "not_bound"),
        (LAST_SECOND, "bound", "not_bound"),
        (ON_BORDER, "not_bound", "bound"),
        (AFTER, "not_bound", "bound"),
        (BOTH, "bound", "bound"),
        (REFUSED["bound_at_unknown"], "refused", "refused"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_interval_decides_whose_binding_it_is(
    block: Block, former: str, present: str
) -> None:
    assert block.answer_query(None, CUTOFF).outcome == former
    assert block.answer_query(CUTOFF, NOW).outcome == present


def test_newest_binding_in_the_interval_is_told() -> None:
    before, after = BOTH.bound_at
    assert BOTH.answer_query(None, CUTOFF).last_bound_at == before
    assert BOTH.answer_unbind(CUTOFF, NOW).last_bound_at == after


def test_of_two_bindings_the_older_one_goes_and_the_other_stays() -> None:
    assert PARTLY.answer_unbind(None, CUTOFF) == Answer(
        "partly_unbound",
        "assets_or_liabilities_open",
        removed=1,
        kept=1,
        last_bound_at=PARTLY.bound_at[0],
    )


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_answers_are_words_that_platforms_may_report(block: Block) -> None:
    query, unbind = block.answer_query(None, CUTOFF), block.answer_unbind(None, CUTOFF)
    assert ItemStatus(query.outcome) in OUTCOMES[OrderKind.QUERY]
    assert ItemStatus(unbind.outcome) in OUTCOMES[OrderKind.UNBIND]


def test_cutoff_is_the_beginning_of_the_day_in_shanghai() -> None:
    there = CUTOFF.astimezone(ZoneInfo("Asia/Shanghai"))
    assert (there.date(), there.time()) == (OWNER_SINCE, time.min)


def test_document_can_be_written_as_json() -> None:
    document = json.loads(json.dumps(as_document()))
    assert document["cutoff"] == "2025-02-28T16:00:00Z"
    assert [one["name"] for one in document["blocks"]] == [b.name for b in BLOCKS]
    hidden = [one["name"] for one in document["blocks"] if not one["for_platforms"]]
    assert hidden == ["late", "contradicting", "violating"]
