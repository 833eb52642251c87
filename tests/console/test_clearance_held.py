"""Numbers that platforms keep back: told by reason, released with a preview."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.console.scene import Console
from tests.support.clearings import a_draft, a_published, number
from tests.support.findings import is_done, refused, results
from tests.support.order_api import Scene, a_scene
from tests.support.trail import trail
from unbind_broker.keys.tables import Role

PAGE = "/console/clearances"


@pytest.fixture
async def scene(console: Console) -> AsyncIterator[Scene]:
    """``bank`` and ``chat`` may keep numbers back, ``dating`` is sensitive."""
    async with a_scene(
        console.engine, console.clock, "bank", "chat", clearance_first_wave=3
    ) as made:
        await made.add_platform("dating", sensitive=True)
        await console.sign_in()
        yield made


async def a_kept(scene: Scene) -> str:
    """Publish 1 to 5, of which the first wave's 1 and 2 are kept; gives its path."""
    path = await a_published(scene, range(1, 6))
    scene.clock.advance(timedelta(minutes=1))
    await is_done(
        scene,
        "bank",
        path,
        refused(1),
        refused(2, "other", detail="<b>ask</b> us first"),
    )
    await is_done(scene, "chat", path, refused(1))
    await is_done(scene, "dating", path, refused(3))
    return path


def page_of(path: str) -> str:
    return path.replace("/v1/", "/console/")


async def page(console: Console, path: str) -> str:
    answer = await console.get(path, accept_language="en")
    assert answer.status_code == 200
    return answer.text


async def decisions(console: Console) -> list[object]:
    async with console.engine.connect() as db:
        return [one.facts["place"] for one in await trail(db, "clearance.overridden")]


async def test_reasons_are_counted_by_platform(console: Console, scene: Scene) -> None:
    here = page_of(await a_kept(scene))
    for path in (here, f"{here}/live"):
        shown = await page(console, path)
        assert "<td" in shown
        assert shown.count("keeper-bank-legal_hold") == 1
        assert shown.count("keeper-chat-legal_hold") == 1
        assert shown.count("keeper-bank-other") == 1
        assert "keeper-dating" not in shown
        assert f'href="{here}/held"' in shown


async def test_waves_say_how_their_numbers_stand(
    console: Console, scene: Scene
) -> None:
    shown = await page(console, page_of(await a_kept(scene)))
    _, *rows = (
        shown.partition('id="waves"')[2].partition("</table>")[0].split("<tr ")[1:]
    )
    counts = [
        [
            cell.rpartition(">")[2]
            for cell in row.split("</td>")
            if 'class="number"' in cell
        ]
        for row in rows
    ]
    assert counts == [["3", "1", "2", "0", "0"], ["2", "–", "–", "–", "–"]]


async def test_kept_numbers_are_listed_masked(console: Console, scene: Scene) -> None:
    shown = await page(console, f"{page_of(await a_kept(scene))}/held")
    assert shown.count('type="checkbox"') == 2
    assert shown.count("Not done: The account has to be kept for legal reasons") == 2
    assert "&lt;b&gt;ask&lt;/b&gt; us first" in shown
    assert "dating" not in shown
    assert all(number(place) not in shown for place in range(1, 6))


async def test_list_is_paged(console: Console, scene: Scene) -> None:
    path = await a_kept(scene)
    copies = [
        (
            "INSERT INTO clearance_numbers SELECT (jsonb_populate_record(r,"
            " jsonb_build_object('place', 10 + g,"
            " 'number_index', sha256(g::text::bytea)))).*"
            " FROM clearance_numbers r, generate_series(1, 49) g WHERE r.place = 2"
        ),
        (
            "INSERT INTO clearance_findings SELECT (jsonb_populate_record(r,"
            " jsonb_build_object('place', 10 + g))).*"
            " FROM clearance_findings r, generate_series(1, 49) g WHERE r.place = 2"
        ),
    ]
    async with console.engine.begin() as db:
        for copy in copies:
            await db.execute(text(copy))
    here = f"{page_of(path)}/held"
    first = await page(console, here)
    assert first.count('type="checkbox"') == 50
    assert f'href="{here}?after=58"' in first
    rest = await page(console, f"{here}?after=58")
    assert rest.count('type="checkbox"') == 1


@pytest.mark.parametrize(
    "named",
    [
        {"pick.1": "yes", "pick.2": "yes"},
        {"named": "1, 2"},
        {"named": f"{number(1)}\r\n{number(2).removeprefix('+86')}"},
    ],
    ids=["ticked", "places", "numbers"],
)
async def test_numbers_are_released_once_that_was_previewed(
    console: Console, scene: Scene, named: dict[str, str]
) -> None:
    path = await a_kept(scene)
    act = f"{page_of(path)}/release"
    preview = await console.act(act, **named, reason="a letter of the bank")
    assert preview.status_code == 200
    assert "<dd>1, 2</dd>" in preview.text
    assert "13800000001" not in preview.text
    assert await decisions(console) == []

    done = await console.confirm(act, preview)
    assert done.headers["location"] == f"{page_of(path)}/held"
    assert await decisions(console) == [1, 2]
    rows = await results(scene, path)
    assert [row["overridden"] for row in rows] == [True, True, False, False, False]
    again = await console.confirm(act, preview)
    assert again.status_code == 303
    assert await decisions(console) == [1, 2]


async def test_preview_tells_what_is_left_out(console: Console, scene: Scene) -> None:
    path = await a_kept(scene)
    await scene.post(f"{path}/withdraw", {"numbers": [number(2)]})
    named = " ".join(map(number, (1, 2, 9)))
    act = f"{page_of(path)}/release"
    preview = await console.act(act, named=named, reason="a letter")
    told = [part.partition("</dd>")[0] for part in preview.text.split("<dd>")]
    assert told[-2:] == ["1", "1"]
    await console.confirm(act, preview)
    assert await decisions(console) == [1]


async def test_nothing_is_left_to_release(console: Console, scene: Scene) -> None:
    act = f"{page_of(await a_kept(scene))}/release"
    assert (await console.act(act, named="77", reason="why")).status_code == 303
    shown = await page(console, act.replace("/release", "/held"))
    assert "不属于本次焕新 1" in shown
    assert await decisions(console) == []


@pytest.mark.parametrize(
    "named",
    ["", "x", f"1 {number(1)}", " ".join(map(str, range(1, 1002)))],
    ids=["none", "no number", "both", "too many"],
)
async def test_what_cannot_be_read_is_refused(
    console: Console, scene: Scene, named: str
) -> None:
    act = f"{page_of(await a_kept(scene))}/release"
    answer = await console.act(act, named=named, reason="why")
    assert answer.status_code == 422
    assert number(1) not in answer.text


async def test_a_draft_has_none(console: Console, scene: Scene) -> None:
    here = page_of(await a_draft(scene))
    assert f"{here}/held" not in await page(console, here)
    for answer in (
        await console.get(f"{here}/held"),
        await console.get(f"{PAGE}/nothing/held"),
        await console.act(f"{here}/release", named="1", reason="why"),
    ):
        assert answer.status_code == 404


async def test_auditors_have_no_such_page(console: Console, scene: Scene) -> None:
    here = page_of(await a_kept(scene))
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(f"{here}/held")).status_code == 403
