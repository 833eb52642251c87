"""Trees are those of RFC 6962; canonical bytes are one for one event, and no other."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit import naive_tree
from unbind_broker.audit.hashing import (
    EMPTY_ROOT,
    Event,
    GrowingTree,
    audit_path,
    canonical_event,
    leaf_hash,
    path_leads_to,
    tree_root,
)

CONTENTS = st.lists(st.binary(max_size=8), max_size=70)

# The tree that implementations of Certificate Transparency test themselves with.
KNOWN_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

EVENT = Event(
    id=UUID("019aa0c4-7e80-7000-8000-0000000000ff"),
    xid=771,
    at="2026-11-20T04:00:00.12+00:00",
    actor="carrier:china-mobile",
    action="order.accepted",
    order_id=UUID("019aa0c4-7e80-7000-8000-000000000001"),
    number_index=b"\x01\xab",
    facts='{"zeit": 1, "b": {"ä": null, "a": [true, "x"]}, "a": "移动"}',
)


@pytest.mark.parametrize("size", range(9))
def test_root_is_the_known_one(size: int) -> None:
    leaves = [leaf_hash(content) for content in KNOWN_LEAVES[:size]]
    assert tree_root(leaves).hex() == KNOWN_ROOTS[size]


def test_known_leaf_has_the_known_path() -> None:
    leaves = [leaf_hash(content) for content in KNOWN_LEAVES]
    assert [node.hex() for node in audit_path(0, leaves)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


@given(CONTENTS)
def test_root_is_that_of_the_definition(contents: list[bytes]) -> None:
    assert tree_root(map(leaf_hash, contents)) == naive_tree.root(contents)


@given(CONTENTS.filter(bool), st.data())
def test_path_is_that_of_the_definition_and_leads_to_the_root(
    contents: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(contents) - 1))
    leaves = [leaf_hash(content) for content in contents]
    path = audit_path(index, leaves)
    assert path == naive_tree.path(index, contents)
    assert path_leads_to(tree_root(leaves), leaves[index], index, len(leaves), path)


@given(CONTENTS.filter(lambda found: len(found) > 1), st.data())
def test_changed_path_leads_nowhere(contents: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(contents) - 1))
    leaves = [leaf_hash(content) for content in contents]
    root, size, path = tree_root(leaves), len(leaves), audit_path(index, leaves)
    wrong = data.draw(st.integers(0, len(path) - 1))
    flipped = [*path]
    flipped[wrong] = bytes(byte ^ 1 for byte in path[wrong])
    assert not path_leads_to(root, leaves[index], index, size, flipped)
    assert not path_leads_to(root, leaves[index], index, size, path[:-1])
    assert not path_leads_to(root, leaves[index], index, size, [*path, root])
    assert not path_leads_to(root, leaf_hash(b"another"), index, size, path)
    assert not path_leads_to(root, leaves[index], size, size, path)
    assert not path_leads_to(root, leaves[index], -1, size, path)


def test_tree_without_leaves_has_a_root_and_no_path() -> None:
    assert GrowingTree().root() == EMPTY_ROOT
    with pytest.raises(IndexError):
        audit_path(0, [])


def test_canonical_bytes_are_those_that_the_page_describes() -> None:
    assert canonical_event(EVENT).decode() == (
        '{"action":"order.accepted","actor":"carrier:china-mobile",'
        '"at":"2026-11-20T04:00:00.120000Z",'
        '"facts":{"a":"移动","b":{"a":[true,"x"],"ä":null},"zeit":1},'
        '"id":"019aa0c4-7e80-7000-8000-0000000000ff","number_index":"01ab",'
        '"order_id":"019aa0c4-7e80-7000-8000-000000000001","xid":771}'
    )


@pytest.mark.parametrize(
    "change",
    [
        {"id": UUID(int=1)},
        {"xid": 772},
        {"at": "2026-11-20T04:00:00.120001+00:00"},
        {"actor": "carrier:china-unicom"},
        {"action": "order.cancelled"},
        {"order_id": None},
        {"number_index": None},
        {"number_index": b"\x01\xac"},
        {"facts": "{}"},
        {"facts": EVENT.facts.replace("null", "0")},
        {"facts": EVENT.facts.replace("1", '"1"')},
    ],
    ids=repr,
)
def test_whatever_is_changed_changes_the_bytes(change: dict[str, object]) -> None:
    changed = replace(EVENT, **change)  # type: ignore[arg-type] # by name
    assert canonical_event(changed) != canonical_event(EVENT)


def test_order_and_spacing_of_the_stored_facts_do_not_matter() -> None:
    again = replace(EVENT, facts=json.dumps(json.loads(EVENT.facts), sort_keys=True))
    assert canonical_event(again) == canonical_event(EVENT)


@pytest.mark.parametrize(
    "change",
    [
        {"facts": f'{{"n": {"9" * 5000}}}'},
        {"facts": "[" * 100_000 + "]" * 100_000},
        {"facts": '{"n": 1e999}'},
        {"at": "infinity"},
        {"at": "0044-03-15T12:00:00+00:00 BC"},
        {"at": "294276-12-31T23:59:59+00:00"},
    ],
    ids=["long", "deep", "large", "infinity", "before 1", "late"],
)
def test_nothing_put_there_by_hand_stops_hashing(change: dict[str, object]) -> None:
    odd = replace(EVENT, **change)  # type: ignore[arg-type] # by name
    assert canonical_event(odd) == canonical_event(odd) != canonical_event(EVENT)


def test_no_depth_of_nesting_stops_hashing() -> None:
    for depth in range(800, 1010):
        odd = replace(EVENT, facts="[" * depth + "]" * depth)
        assert canonical_event(odd) == canonical_event(odd)
