import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.ids import (
    Prefix,
    format_id,
    new_random_bytes,
    new_token,
    new_uuid7,
    parse_id,
    uuid7_floor,
    uuid7_time,
    without_ids,
)
from unbind_broker.base.numbers import holds_number

instants = st.integers(0, 7 * 10**15).map(
    lambda us: datetime(1970, 1, 2, tzinfo=UTC) + timedelta(microseconds=us)
)
# Far from every other test's time, so that sequences do not meet.
AT = datetime(2031, 5, 6, 7, 8, 9, 123_456, tzinfo=UTC)


@given(instants)
def test_uuid7_is_version_7_of_the_right_variant(now: datetime) -> None:
    value = new_uuid7(now)
    assert value.version == 7
    assert value.variant == RFC_4122


def test_uuid7_matches_the_example_of_the_standard() -> None:
    example = UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")  # RFC 9562 A.6
    made_at = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    assert uuid7_time(example) == made_at
    assert uuid7_floor(made_at) <= example
    assert example.int >> 80 == uuid7_floor(made_at).int >> 80


def test_ids_of_one_instant_sort_in_the_order_made() -> None:
    made = [new_uuid7(AT) for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert uuid7_time(made[-1]) - uuid7_time(made[0]) < timedelta(milliseconds=6)


@given(st.lists(st.integers(0, 5000), min_size=2, max_size=50))
def test_ids_sort_while_the_clock_wavers_within_milliseconds(
    microseconds: list[int],
) -> None:
    made = [new_uuid7(AT + timedelta(microseconds=us)) for us in microseconds]
    assert made == sorted(made)


def test_ids_of_several_threads_are_distinct_and_sorted_in_each() -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: [new_uuid7(AT) for _ in range(500)], range(8)))
    assert all(run == sorted(run) for run in runs)
    ticks = [value.int >> 64 for run in runs for value in run]
    assert len(set(ticks)) == len(ticks)


@given(instants, instants)
def test_id_tells_the_time_it_was_given_however_the_clock_jumps(
    first: datetime, second: datetime
) -> None:
    new_uuid7(first)
    told = uuid7_time(new_uuid7(second))
    late = told - second
    assert timedelta(milliseconds=-1) < late < timedelta(milliseconds=1001)


@given(instants, instants)
def test_later_milliseconds_sort_later(one: datetime, other: datetime) -> None:
    early, late = sorted((one, other))
    if late - early >= timedelta(milliseconds=20):
        assert new_uuid7(early) < new_uuid7(late)


@given(instants)
def test_floor_bounds_the_ids_of_its_millisecond(at: datetime) -> None:
    floor = uuid7_floor(at)
    assert floor.version == 7
    assert floor <= new_uuid7(at)
    assert uuid7_floor(at - timedelta(milliseconds=1)) < floor
    assert uuid7_time(floor) == at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_floor_takes_any_zone() -> None:
    shanghai = timedelta(hours=8)
    local = AT.astimezone(timezone(shanghai))
    assert uuid7_floor(local) == uuid7_floor(AT)


@pytest.mark.parametrize(
    "at",
    [datetime(2026, 1, 1), datetime(1969, 12, 31, tzinfo=UTC)],  # noqa: DTZ001 - naive times are the case
)
def test_naive_and_ancient_instants_are_refused(at: datetime) -> None:
    with pytest.raises(ValueError, match="expected an"):
        new_uuid7(at)


@given(st.uuids(), st.sampled_from(Prefix))
def test_written_id_reads_back_in_either_case(value: UUID, prefix: Prefix) -> None:
    text = format_id(prefix, value)
    assert re.fullmatch(r"[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}", text)
    assert parse_id(text, prefix) == value
    assert parse_id(text.upper(), prefix) == value
    assert parse_id(text, *Prefix) == value


@given(st.uuids(), st.uuids())
def test_written_ids_sort_like_the_uuids(one: UUID, other: UUID) -> None:
    texts = (format_id(Prefix.ORDER, one), format_id(Prefix.ORDER, other))
    assert (texts[0] < texts[1]) == (one < other)


GOOD = "0" * 25 + "1"


def test_wellformed_id_is_read() -> None:
    assert parse_id(f"ord_{GOOD}", Prefix.ORDER) == UUID(int=1)
    assert parse_id("ord_7" + "z" * 25, Prefix.ORDER) == UUID(int=(1 << 128) - 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ord",
        "ord_",
        GOOD,
        f"qry_{GOOD}",
        f"ORDER_{GOOD}",
        f"ord-{GOOD}",
        f"ord_{GOOD}0",
        f"ord_{GOOD[1:]}",
        f"ord__{GOOD[1:]}",
        f" ord_{GOOD}",
        f"ord_{GOOD}\n",
        "ord_8" + "0" * 25,
        "ord_z" + "z" * 25,
        *("ord_" + GOOD[:-1] + bad for bad in "ilou-+ .:é１\u212a\u0130\x00"),
    ],
)
def test_malformed_id_is_none(text: str) -> None:
    assert parse_id(text, Prefix.ORDER) is None


def test_id_of_no_allowed_kind_is_none() -> None:
    assert parse_id(f"ord_{GOOD}") is None
    assert parse_id(f"ord_{GOOD}", Prefix.QUERY, Prefix.CLEARANCE) is None


@given(st.text(max_size=40))
def test_reading_never_raises(text: str) -> None:
    value = parse_id(text, *Prefix)
    assert value is None or isinstance(value, UUID)


def test_tokens_are_url_safe_long_and_distinct() -> None:
    tokens = {new_token(32) for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_random_bytes_have_the_asked_length() -> None:
    assert len(new_random_bytes(24)) == 24
    assert new_random_bytes(24) != new_random_bytes(24)


def test_id_that_looks_like_a_number_is_left_out_of_a_text() -> None:
    by_chance = "ord_06fa13800001234bcdefghjkmn"
    assert parse_id(by_chance, Prefix.ORDER) is not None
    assert holds_number(by_chance)
    assert not holds_number(without_ids(f'{{"id": "{by_chance}"}}'))
    said = "ask +86 138 0000 1234"
    assert without_ids(f"{said} about {by_chance}.") == f"{said} about ."
    assert without_ids(f"{by_chance}0") == f"{by_chance}0"
