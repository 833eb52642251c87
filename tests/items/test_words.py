from collections.abc import Mapping
from enum import Enum

import pytest

from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.receipt_page import GROUPS
from unbind_broker.items import words
from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.items.words import Words
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)


@pytest.mark.parametrize(
    ("said", "of"),
    [
        (words.KINDS, OrderKind),
        (words.SCOPES, Scope),
        (words.ACTIONS, Action),
        (words.ORDER_STATUSES, OrderStatus),
        (words.HOLD_REASONS, HoldReason),
        (words.ITEM_STATUSES, ItemStatus),
        (words.REASONS, Reason),
        (words.HOLDER_ACTIONS, HolderAction),
    ],
)
def test_everything_is_said_in_both_languages(
    said: Mapping[Enum, Words], of: type[Enum]
) -> None:
    assert said.keys() == set(of)
    for both in said.values():
        assert both.en.isascii()
        assert not both.zh.isascii()


def test_each_status_stands_in_one_group_of_the_page() -> None:
    grouped = [status for group in GROUPS for status in group.statuses]
    assert sorted(grouped) == sorted(ItemStatus)


def test_no_problem_of_a_callers_own_names_a_variable_of_the_broker() -> None:
    """Who reads it sets none: a setting is said in words."""
    told = [kind for kind in KINDS.values() if kind.status < 500]
    naming = [
        kind.code for kind in told if "UNBIND_" in f"{kind.meaning}{kind.meaning_zh}"
    ]
    assert naming == []
