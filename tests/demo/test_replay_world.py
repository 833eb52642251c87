"""The replay's platforms decide about accounts that people really have."""

from datetime import datetime, timedelta

from tests.support.clock import NOON
from unbind_broker.demo.replay_world import (
    CARELESS,
    GREEDY,
    PLATFORMS,
    ReplayMind,
    World,
    replay_platforms,
)
from unbind_broker.rehearsals.telling import Item, Line

NUMBER = "+8613800002000"
CUTOFF = NOON - timedelta(days=50)


def an_item(
    event: str = "unbind.requested",
    *,
    item_id: str = "ord_a",
    bound_before: datetime = CUTOFF,
    restores: str | None = None,
) -> Item:
    return Item(
        event=event,
        id=item_id,
        number=NUMBER,
        action="detach",
        bound_from=None,
        bound_before=bound_before,
        deadline=NOON + timedelta(days=5),
        restores=restores,
    )


def a_world() -> World:
    world = World(NOON)
    world.settle([NUMBER])
    return world


def told(mind: ReplayMind, item: Item) -> Line:
    (line,) = mind.plan(item, NOON).at_once
    assert mind.result(item) == line
    return line


def test_careful_platforms_refuse_what_is_in_use() -> None:
    world = a_world()
    for name in PLATFORMS.keys() - {CARELESS, GREEDY}:
        line = told(ReplayMind(name, world), an_item())
        assert (line["outcome"], line["reason"]) == ("refused", "active_after_cutoff")
    assert world.detached() == []


def test_the_careless_one_removes_what_was_bound_before_the_date() -> None:
    world = a_world()
    line = told(ReplayMind(CARELESS, world), an_item())
    assert (line["outcome"], line["removed"]) == ("unbound", 1)
    assert str(line["last_bound_at"]) < CUTOFF.isoformat()
    assert world.detached() == [(CARELESS, NUMBER)]


def test_the_greedy_one_removes_what_was_bound_after_it_too() -> None:
    world = a_world()
    line = told(ReplayMind(GREEDY, world), an_item())
    assert line["removed"] == 2
    assert str(line["last_bound_at"]) > CUTOFF.isoformat()


def test_a_restore_gives_back_what_that_order_took() -> None:
    world = a_world()
    mind = ReplayMind(GREEDY, world)
    told(mind, an_item())
    other = an_item("restore.requested", item_id="ord_b", restores="ord_other")
    assert told(mind, other)["outcome"] == "not_bound"
    restore = an_item("restore.requested", item_id="ord_c", restores="ord_a")
    assert told(mind, restore)["outcome"] == "restored"
    assert world.detached() == []


def test_queries_change_nothing() -> None:
    world = a_world()
    line = told(ReplayMind(CARELESS, world), an_item("query.requested"))
    assert (line["outcome"], line["bindings"]) == ("bound", 1)
    assert world.detached() == []


def test_a_true_date_finds_nothing() -> None:
    world = a_world()
    true = an_item(bound_before=NOON - timedelta(days=11 * 365))
    for name in PLATFORMS:
        assert told(ReplayMind(name, world), true)["outcome"] == "not_bound"
    assert world.removals == 0


def test_each_platform_is_registered_under_its_own_name() -> None:
    slugs = [entry.slug for entry in replay_platforms()]
    assert slugs == [ReplayMind(name, a_world()).slug for name in PLATFORMS]
