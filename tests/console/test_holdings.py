"""Holdings in the console: disputes, looked up by number, taken back with a preview."""

from collections.abc import AsyncIterator

import pytest

from tests.console.scene import Console, hidden
from tests.support.order_api import NUMBER, Scene, a_scene, order_body
from tests.support.trail import trail
from unbind_broker.keys.tables import Role

PAGE = "/console/holdings"
OLD, NEW = "2025-03-01", "2026-09-01"


@pytest.fixture
async def disputed(console: Console) -> AsyncIterator[Scene]:
    """A number that two carriers say they have."""
    async with a_scene(console.engine, console.clock, "weibo") as made:
        await made.post("/v1/orders", order_body(owner_since=OLD))
        unicom = await made.add_carrier("china-unicom")
        newer = await made.post("/v1/orders", order_body(owner_since=NEW), unicom)
        assert newer.json()["held_for"] == "disputed_holding"
        yield made


@pytest.mark.usefixtures("disputed")
async def test_number_is_looked_up_and_named_nowhere(console: Console) -> None:
    await console.sign_in()
    found = await console.act(f"{PAGE}/find", number=NUMBER)
    assert found.status_code == 200
    assert found.text.index("china-mobile") < found.text.index("china-unicom")
    assert OLD in found.text
    assert NUMBER not in found.text
    assert NUMBER.removeprefix("+86") not in found.text
    async with console.engine.connect() as db:
        (told,) = await trail(db, "holdings.disclosed")
    assert told.actor == f"admin:{(await console.key()).id}"


@pytest.mark.usefixtures("disputed")
async def test_disputes_stand_with_the_words_of_both(console: Console) -> None:
    await console.sign_in()
    page = await console.get(PAGE, accept_language="en")
    mobile, unicom = (
        f"china-mobile: holder since {OLD}",
        f"china-unicom: holder since {NEW}",
    )
    assert page.text.index(mobile) < page.text.index(unicom)
    assert NUMBER not in page.text
    order = hidden(page)["order"]
    assert page.text.count(f"/console/orders/{order}") == 1

    found = await console.act(f"{PAGE}/find", order=order)
    assert found.text.index("china-mobile") < found.text.index("china-unicom")
    assert NUMBER.removeprefix("+86") not in found.text
    async with console.engine.connect() as db:
        (told,) = await trail(db, "holdings.disclosed")
    assert told.facts["rows"] == 2


async def test_there_is_no_dispute(console: Console) -> None:
    await console.sign_in()
    page = await console.get(PAGE, accept_language="en")
    assert "There is no dispute" in page.text


@pytest.mark.parametrize("order", ["x", "ord_01kb2x5c7zf3v8h1m4n6p9q2rs"])
async def test_unknown_order_has_no_holdings(console: Console, order: str) -> None:
    await console.sign_in()
    assert (await console.act(f"{PAGE}/find", order=order)).status_code == 404


async def test_nobody_held_it(console: Console) -> None:
    await console.sign_in()
    found = await console.act(f"{PAGE}/find", number="13800009999")
    assert found.status_code == 200
    assert 'class="empty"' in found.text


async def test_wrong_number_is_told_beside_the_field(console: Console) -> None:
    await console.sign_in()
    answer = await console.act(f"{PAGE}/find", number="12")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.usefixtures("disputed")
async def test_holding_is_taken_back_once_that_was_previewed(
    console: Console,
) -> None:
    await console.sign_in()
    found = await console.act(f"{PAGE}/find", number=NUMBER)
    last = {name: hidden(found)[name] for name in ("subject", "carrier", "since")}
    assert (last["carrier"], last["since"]) == ("china-unicom", NEW)

    act = f"{PAGE}/retract"
    assert (await console.act(act, **last)).status_code == 422
    preview = await console.act(act, **last, reason="told by mistake")
    assert preview.status_code == 200
    async with console.engine.connect() as db:
        assert await trail(db, "holding.retracted") == []

    done = await console.confirm(act, preview)
    assert done.headers["location"] == PAGE
    async with console.engine.connect() as db:
        (told,) = await trail(db, "holding.retracted")
    assert told.facts["orders_ended"] == 1
    assert told.facts["reason"] == "told by mistake"
    assert (await console.confirm(act, preview)).status_code == 404


@pytest.mark.parametrize("subject", ["", "zz", "ab"])
async def test_unknown_subject_is_refused(console: Console, subject: str) -> None:
    await console.sign_in()
    fields = {"subject": subject, "carrier": "china-mobile", "reason": "why"}
    assert (await console.act(f"{PAGE}/retract", **fields)).status_code == 422


async def test_auditors_have_no_such_page(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(PAGE)).status_code == 403
