"""Carriers in the console: suspended and resumed with a preview."""

import pytest

from tests.console.scene import Console
from tests.support.builders import a_carrier
from unbind_broker.carriers import brakes, service
from unbind_broker.carriers.tables import CarrierStatus
from unbind_broker.keys.tables import Role

PAGE = "/console/carriers"


async def registered(console: Console, *slugs: str) -> None:
    async with console.engine.begin() as db:
        for slug in slugs:
            await a_carrier(db, slug)


async def status_of(console: Console, slug: str) -> CarrierStatus:
    async with console.engine.connect() as db:
        carrier = await service.find(db, slug)
    assert carrier is not None
    return carrier.status


async def test_there_is_none_yet(console: Console) -> None:
    await console.sign_in()
    page = await console.get(PAGE, accept_language="en")
    assert "There is no carrier yet" in page.text


async def test_list_is_paged(console: Console) -> None:
    await registered(console, *(f"carrier-{n:02}" for n in range(51)))
    await console.sign_in()
    page = (await console.get(PAGE)).text
    assert f'href="{PAGE}?after=carrier-49"' in page
    rest = (await console.get(f"{PAGE}?after=carrier-49")).text
    assert "carrier-50" in rest
    assert "carrier-49 " not in rest


async def test_carrier_is_suspended_and_resumed_with_previews(
    console: Console,
) -> None:
    await registered(console, "china-mobile")
    await console.sign_in()
    for act, then in (
        ("suspend", CarrierStatus.SUSPENDED),
        ("resume", CarrierStatus.ACTIVE),
    ):
        before = await status_of(console, "china-mobile")
        preview = await console.act(f"{PAGE}/{act}", carrier="china-mobile")
        assert preview.status_code == 200
        assert await status_of(console, "china-mobile") is before
        done = await console.confirm(f"{PAGE}/{act}", preview)
        assert done.headers["location"] == PAGE
        assert await status_of(console, "china-mobile") is then


async def test_braked_carrier_leads_to_the_brake(console: Console) -> None:
    await registered(console, "china-mobile", "china-unicom")
    await console.sign_in()
    async with console.engine.begin() as db:
        mobile = await service.find(db, "china-mobile")
        assert mobile is not None
        await brakes.engage(db, console.clock.now(), mobile.id, "why", "broker")
    text = (await console.get(PAGE)).text
    assert 'href="/console/brake"><span class="badge bad">' in text
    assert 'href="/console/brake?carrier=china-unicom#engage"' in text


@pytest.mark.parametrize("act", ["suspend", "resume"])
async def test_unknown_carrier_is_not_there(console: Console, act: str) -> None:
    await console.sign_in()
    fields = {"carrier": "nobody", "reason": "why"}
    assert (await console.act(f"{PAGE}/{act}", **fields)).status_code == 404
    assert (await console.post(f"{PAGE}/{act}", fields)).status_code == 403


async def test_auditors_have_no_such_page(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(PAGE)).status_code == 403
