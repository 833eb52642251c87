"""What is told of an order, and what is told once for all. No database."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.instants import parse_instant
from unbind_broker.items.course import Course, OrderNow
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.timeline import nothing_told, show_step, steps_since
from unbind_broker.items.timeline_place import read_place, write_place

ORDER_ID = UUID("0199f3c2-5b1e-7c55-9f0e-2f7a5a0c1d11")
MORNING, NOON, EVENING = (f"2026-11-20T{hour}:00:00Z" for hour in ("08", "12", "20"))
NOW = OrderNow(
    status="in_progress",
    created_at=MORNING,
    held_until=None,
    held_for=None,
    deadline="2026-11-27T15:59:59Z",
    completed_at=None,
)
OPEN = ("queued", "acknowledged", "in_progress", "action_required")
Columns = tuple[Any, ...]
FINAL = tuple(one.value for one in ItemStatus if one.is_final)


def an_item(slug: str = "weibo", status: str = "queued", **changes: Any) -> Columns:
    """An item as it is read."""
    read = {
        "slug": slug,
        "name": slug,
        "status": ItemStatus(status).code,
        "reason": None,
        "detail": None,
        "attempts": 1,
        "acknowledged_at": None if status == "queued" else parse_instant(MORNING),
        "finished_at": parse_instant(EVENING) if status in FINAL else None,
        "bindings": None,
        "removed": None,
        "kept": None,
        "restorable_until": None,
        "action_url": None,
        "late": False,
        "action": None,
        "expected_at": None,
        "cooling_off_until": None,
        "violated_at": None,
        "restore_id": None,
    }
    return (*{**read, **changes}.values(),)


def a_course(*items: Columns, folded: int = 0, **changes: Any) -> Course:
    deadline = parse_instant(NOW.deadline)
    assert deadline is not None
    course = Course(ORDER_ID, NOW._replace(**changes), deadline)
    course.show(items)
    for place in range(folded):
        course.fold(f"dating-{place}", finished=False)
    return course


def tell(course: Course, told: list[int]) -> list[str]:
    """Tell everything that was not told; say what it was."""
    said = []
    for step in steps_since(course, told):
        told[step.slot] = step.mark
        slug = step.more["item"]["platform"] if "item" in step.more else ""
        said.append(f"{step.type} {slug}".strip())
    return said


def test_what_was_told_is_told_once() -> None:
    course = a_course(an_item(status="unbound"), an_item("zhihu"))
    told = nothing_told(course)
    assert tell(course, told) == [
        "order.created",
        "item.acknowledged weibo",
        "item.unbound weibo",
    ]
    assert tell(course, told) == []


@pytest.mark.parametrize("status", FINAL)
def test_every_way_to_end_is_told_with_the_item(status: str) -> None:
    course = a_course()
    told = nothing_told(course)
    tell(course, told)
    course = a_course(an_item(status=status))
    last = steps_since(course, [*told, 0])[-1]
    item = course.item("weibo")
    assert item["status"] == status
    assert (last.type, last.at, last.more) == (
        f"item.{status}",
        EVENING,
        {"item": item},
    )


def test_another_attempt_is_no_event_and_other_words_are() -> None:
    course = a_course(an_item(status="in_progress"))
    told = nothing_told(course)
    tell(course, told)
    course.show([an_item(status="in_progress", attempts=9)])
    assert tell(course, told) == []
    course.show([an_item(status="in_progress", expected_at=parse_instant(EVENING))])
    assert tell(course, told) == ["item.in_progress weibo"]


def test_an_item_that_goes_out_once_more_is_told_to_whoever_saw_it_end() -> None:
    course = a_course(an_item(status="undeliverable", acknowledged_at=None))
    told = nothing_told(course)
    assert tell(course, told) == ["order.created", "item.undeliverable weibo"]
    course.show([an_item()])
    assert tell(course, nothing_told(course)) == ["order.created"]
    assert tell(course, told) == ["item.queued weibo"]
    course.show([an_item(status="acknowledged")])
    assert tell(course, told) == ["item.acknowledged weibo"]


def test_an_order_that_is_taken_up_again_says_so() -> None:
    course = a_course(status="completed", completed_at=EVENING)
    told = nothing_told(course)
    assert tell(course, told) == ["order.created", "order.completed"]
    course.now = NOW
    assert tell(course, told) == ["order.reopened"]
    course.now = NOW._replace(status="cancelled", completed_at=EVENING)
    assert tell(course, told) == ["order.cancelled"]


UNDO: dict[str, Any] = {"held_for": "undo_window", "held_until": NOON}
BRAKED: dict[str, Any] = {"held_for": "braked", "held_until": None}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"status": "held", **UNDO}, ["order.held"]),
        (UNDO, ["order.held", "order.released"]),
        (
            {"status": "completed", "completed_at": EVENING, **UNDO},
            ["order.held", "order.released", "order.completed"],
        ),
        (
            {"status": "cancelled", "completed_at": MORNING, **UNDO},
            ["order.held", "order.cancelled"],
        ),
        ({"status": "held", **BRAKED}, ["order.held"]),
        (BRAKED, ["order.held", "order.released"]),
        (
            {"status": "completed", "completed_at": EVENING, **BRAKED},
            ["order.held", "order.completed"],
        ),
    ],
)
def test_a_hold_is_told_and_its_end_where_it_is_known(
    now: dict[str, Any], said: list[str]
) -> None:
    course = a_course(**now)
    assert tell(course, nothing_told(course)) == ["order.created", *said]


def test_holds_that_follow_each_other_are_told_one_by_one() -> None:
    course = a_course(status="held", **UNDO)
    told = nothing_told(course)
    said = [tell(course, told)]
    for now in (
        UNDO,
        {"status": "held", **BRAKED},
        BRAKED,
        {"status": "held", **BRAKED},
        {"status": "cancelled", "completed_at": EVENING, **BRAKED},
    ):
        course.now = NOW._replace(**now)
        said.append(tell(course, told))
    assert said == [
        ["order.created", "order.held"],
        ["order.released"],
        ["order.held"],
        ["order.released"],
        ["order.held"],
        ["order.cancelled"],
    ]


def test_a_hold_by_the_brake_has_no_instant() -> None:
    course = a_course(**BRAKED)
    _, held, released = steps_since(course, nothing_told(course))
    assert (held.at, held.more) == (None, {"held_until": None, "held_for": "braked"})
    assert released.at is None


def test_an_order_is_overdue_from_its_deadline_on_where_that_shows() -> None:
    ended = parse_instant("2026-11-27T16:00:00Z")
    late = an_item(status="expired", finished_at=ended)
    course = a_course(late, status="completed", completed_at="2026-11-27T16:00:01Z")
    told = nothing_told(course)
    assert [(step.type, step.at) for step in steps_since(course, told)][2:] == [
        ("order.overdue", NOW.deadline),
        ("item.expired", "2026-11-27T16:00:00Z"),
        ("order.completed", "2026-11-27T16:00:01Z"),
    ]
    tell(course, told)
    assert tell(course, told) == []


def test_sensitive_platforms_are_told_as_a_count_and_nothing_else() -> None:
    course = a_course(an_item(), folded=3)
    told = nothing_told(course)
    assert tell(course, told) == ["order.created"]
    course.fold("dating-1", finished=True)
    [step] = steps_since(course, told)
    assert show_step(course, step) == {
        "id": show_step(course, step)["id"],
        "type": "order.sensitive",
        "at": None,
        "sensitive": {"total": 3, "finished": 1},
    }
    assert tell(course, told) == ["order.sensitive"]
    course.fold("dating-1", finished=True)
    assert tell(course, told) == []


def test_an_event_has_the_same_id_whenever_it_is_told() -> None:
    first = a_course(an_item(status="unbound"))
    later = a_course(an_item(status="unbound", attempts=5), an_item("zhihu", "expired"))

    def ids(course: Course) -> list[str]:
        steps = steps_since(course, nothing_told(course))
        return [show_step(course, step)["id"] for step in steps]

    assert set(ids(first)) < set(ids(later))
    other = replace(first, order_id=UUID(int=1))
    assert not set(ids(first)) & set(ids(other))


def test_what_happened_at_the_same_second_has_one_order() -> None:
    items = [an_item(slug, "not_bound") for slug in ("c", "a", "b")]
    course = a_course(*items, status="completed", completed_at=EVENING)
    assert tell(course, nothing_told(course)) == [
        "order.created",
        *(f"item.acknowledged {slug}" for slug in "abc"),
        *(f"item.not_bound {slug}" for slug in "abc"),
        "order.completed",
    ]


STATES = st.sampled_from([*OPEN, *FINAL])
WORDS = st.fixed_dictionaries(
    {"removed": st.integers(0, 3) | st.none(), "late": st.booleans()}
)
CHANGES = st.lists(st.tuples(st.sampled_from("abc"), STATES, WORDS), max_size=12)


@given(changes=CHANGES, drops=st.lists(st.booleans(), min_size=12, max_size=12))
def test_however_often_a_stream_drops_everything_is_told_once(
    changes: list[tuple[str, str, dict[str, Any]]], drops: list[bool]
) -> None:
    course = a_course(*(an_item(slug) for slug in "abc"))
    told, place = nothing_told(course), ""
    shown = dict.fromkeys("abc", ("queued", ""))
    for (slug, status, words), drop in zip(changes, drops, strict=False):
        item = an_item(slug, status, **words)
        course.show([item])
        if drop:
            told = read_place(course, place) or nothing_told(course)
        for step in steps_since(course, told):
            told[step.slot] = step.mark
            place = write_place(course, told)
            if "item" in step.more:
                one = step.more["item"]
                state = one["status"], str((one["removed"], one["late"]))
                assert shown[one["platform"]] != state
                shown[one["platform"]] = state
    assert steps_since(course, told) == [] or not changes
    for slug in course.marks:
        assert shown[slug][0] == course.item(slug)["status"]


def test_a_place_can_be_read_back_for_its_own_order_alone() -> None:
    items = [an_item(f"p-{place:03}") for place in range(200)]
    course = a_course(*items)
    told = [slot * 80_000 for slot in range(205)]
    place = write_place(course, told)
    assert read_place(course, place) == told
    assert len(place) == 828
    assert read_place(replace(course, order_id=UUID(int=1)), place) is None
    assert read_place(a_course(*items[1:], an_item("q-000")), place) is None
    assert read_place(a_course(*items[1:]), place) is None


@given(written=st.text(max_size=300) | st.text("ABab09-_=", max_size=300))
def test_what_is_no_place_is_none(written: str) -> None:
    assert read_place(a_course(an_item()), written) is None
