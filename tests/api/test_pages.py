from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.api.pages import (
    cut_page,
    number_key,
    read_cursor,
    slug_key,
    write_cursor,
)
from unbind_broker.base.errors import InvalidFields


@given(st.text(max_size=100).filter(lambda text: text.isprintable()))
def test_cursor_gives_its_key_back(key: str) -> None:
    assert read_cursor(write_cursor(key), str) == key


def test_cursor_gives_keys_of_any_kind_back() -> None:
    order = UUID("0199f3c2-5b1e-7c55-9f0e-2f7a5a0c1d11")
    assert read_cursor(write_cursor(order), UUID) == order
    assert read_cursor(write_cursor(12), number_key) == 12
    assert read_cursor(write_cursor("weibo"), slug_key) == "weibo"


def test_first_page_has_no_cursor() -> None:
    assert read_cursor(None, str) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "weibo",
        "é",
        "d2VpYm8=",
        "d2VpYm9",
        "_w",
        write_cursor("We ibo"),
        write_cursor("a\x00"),
    ],
)
def test_what_is_no_cursor_of_slugs_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        read_cursor(cursor, slug_key)
    assert caught.value.errors[0].pointer == "/query/cursor"


@pytest.mark.parametrize("key", ["-1", "2147483648", "9" * 50, "x", ""])
def test_what_is_no_cursor_of_numbers_is_refused(key: str) -> None:
    with pytest.raises(InvalidFields):
        read_cursor(write_cursor(key), number_key)


@given(st.lists(st.integers(0, 999), unique=True).map(sorted), st.integers(1, 7))
def test_pages_put_together_are_the_whole_list(rows: list[int], limit: int) -> None:
    seen: list[list[int]] = []
    cursor: str | None = None
    while True:
        after = read_cursor(cursor, number_key)
        behind = [row for row in rows if after is None or row > after]
        page, cursor = cut_page(behind[: limit + 1], limit, lambda row: row)
        seen.append(page)
        if cursor is None:
            break
    assert [row for page in seen for row in page] == rows
    assert all(len(page) == limit for page, _ in pairwise(seen))
