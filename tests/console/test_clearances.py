"""Clearances in the console: how far they are, and those that stand still."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from tests.console.scene import Console
from tests.support.clearings import a_draft, a_published, id_of
from tests.support.order_api import Scene, a_scene
from tests.support.trail import trail
from unbind_broker.clearances import waves
from unbind_broker.clearances.states import StopReason
from unbind_broker.keys.tables import Role

PAGE = "/console/clearances"


@pytest.fixture
async def scene(console: Console) -> AsyncIterator[Scene]:
    async with a_scene(
        console.engine, console.clock, "weibo", clearance_first_wave=3
    ) as made:
        await made.add_platform("icbc", sensitive=True)
        yield made


async def page(console: Console, path: str = PAGE) -> str:
    answer = await console.get(path, accept_language="en")
    assert answer.status_code == 200
    return answer.text


def name_of(path: str) -> str:
    return path.rsplit("/", 1)[-1]


async def a_stopped(scene: Scene) -> str:
    path = await a_published(scene, range(5))
    async with scene.engine.begin() as db:
        why = StopReason.ACTIVE_AFTER_CUTOFF
        await waves.stop(db, scene.clock.now(), id_of(path), why)
    return name_of(path)


async def test_nobody_has_begun_one(console: Console) -> None:
    await console.sign_in()
    assert "No clearance matches" in await page(console)


async def test_list_is_filtered(console: Console, scene: Scene) -> None:
    draft = name_of(await a_draft(scene, reference="<b>loud</b>"))
    stopped = await a_stopped(scene)
    await console.sign_in()
    both = await page(console)
    assert both.index(stopped) < both.index(draft)
    assert "&lt;b&gt;loud" in both
    for query, found in (
        ({"status": "stopped"}, [stopped]),
        ({"status": "completed"}, []),
        ({"status": "nonsense"}, [draft, stopped]),
        ({"carrier": scene.carrier.slug}, [draft, stopped]),
        ({"carrier": "nobody"}, []),
    ):
        shown = (await console.seek("clearances", **query)).text
        assert [one for one in (draft, stopped) if one in shown] == found, query


async def test_list_is_paged(console: Console, scene: Scene) -> None:
    first = name_of(await a_draft(scene))
    copy = (
        "INSERT INTO clearances SELECT (jsonb_populate_record(c, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM clearances c, generate_series(1, 50)"
    )
    async with console.engine.begin() as db:
        await db.execute(text(copy))
    await console.sign_in()
    shown = await page(console)
    assert shown.count('scope="row">') == 50
    more = shown.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    following = await page(console, more)
    assert following.count('scope="row">') == 1
    row = f">{first}</code>"  # the last name of a page also stands in addresses
    assert (row in shown) != (row in following)


async def test_progress_shows_waves_and_all_platforms(
    console: Console, scene: Scene
) -> None:
    name = name_of(await a_published(scene, range(5)))
    await console.sign_in()
    for path in (f"{PAGE}/{name}", f"{PAGE}/{name}/live"):
        shown = await page(console, path)
        assert "In progress" in shown
        assert "0 of 3" in shown
        assert shown.index("icbc") < shown.index("weibo")
        assert "sensitive" in shown
        assert "weibo platform" in shown
        assert "weibo 平台" not in shown
    assert "/resume" not in await page(console, f"{PAGE}/{name}")


async def test_stopped_one_goes_on_once_that_was_previewed(
    console: Console, scene: Scene
) -> None:
    name = await a_stopped(scene)
    await console.sign_in()
    shown = await page(console, f"{PAGE}/{name}")
    assert "Too many numbers of the first wave are in use" in shown

    act = f"{PAGE}/{name}/resume"
    assert (await console.act(act)).status_code == 422
    preview = await console.act(act, reason="dates were checked")
    assert preview.status_code == 200
    assert "Stopped" in await page(console, f"{PAGE}/{name}")

    done = await console.confirm(act, preview)
    assert done.headers["location"] == f"{PAGE}/{name}"
    assert "In progress" in await page(console, f"{PAGE}/{name}")
    assert (await console.confirm(act, preview)).status_code == 404
    async with console.engine.connect() as db:
        (resumed,) = await trail(db, "clearance.resumed")
    assert resumed.actor == f"admin:{(await console.key()).id}"
    assert resumed.facts["why"] == "dates were checked"


async def test_unknown_one_is_not_there(console: Console) -> None:
    await console.sign_in()
    for name in ("clr_01kb2x5c7zf3v8h1m4n6p9q2rs", "nothing"):
        assert (await console.get(f"{PAGE}/{name}")).status_code == 404


async def test_auditors_have_no_such_page(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(PAGE)).status_code == 403
