"""What administrators do about one platform: previewed, audited, undone."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from tests.console.asking import DEEDS, asked
from tests.console.scene import Console
from tests.support.attempts import an_attempt
from tests.support.builders import PAST, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.trail import Written, trail
from tests.support.undeliverable import refuse_payload
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.states import EndpointStatus, PausedBy
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.keys.tables import Role
from unbind_broker.platforms.service import Platform

PAGE = "/console/platforms/weibo"
ZONE = ZoneInfo("Asia/Shanghai")


async def test_sending_is_paused_and_resumed_once_previewed(console: Console) -> None:
    platform, _ = await asked(console)
    await console.sign_in()
    shown = await console.act(f"{PAGE}/pause")
    assert await status(console, platform) is EndpointStatus.ACTIVE

    done = await console.confirm(f"{PAGE}/pause", shown)
    assert done.headers["location"] == PAGE
    assert await status(console, platform) is EndpointStatus.PAUSED

    shown = await console.act(f"{PAGE}/resume")
    await console.confirm(f"{PAGE}/resume", shown)
    assert await status(console, platform) is EndpointStatus.ACTIVE
    key = await console.key()
    done_by = [(one.actor, one.action) for one in await deeds_of(console)]
    assert done_by == [
        (f"admin:{key.id}", "endpoint.paused"),
        (f"admin:{key.id}", "endpoint.resumed"),
    ]


async def test_pause_of_the_platform_itself_is_left_to_it(console: Console) -> None:
    async with console.engine.begin() as db:
        await an_endpoint(db, await a_platform(db), paused_by=PausedBy.OWNER)
    await console.sign_in()
    assert f'action="{PAGE}/resume"' not in (await console.get(PAGE)).text
    shown = await console.act(f"{PAGE}/resume")
    assert (await console.confirm(f"{PAGE}/resume", shown)).status_code == 409


async def test_platform_is_suspended_and_readmitted(console: Console) -> None:
    await asked(console)
    await console.sign_in()
    for deed, words in (("suspend", "已停止派单"), ("readmit", "正常")):
        shown = await console.act(f"{PAGE}/{deed}")
        assert shown.status_code == 200
        await console.confirm(f"{PAGE}/{deed}", shown)
        assert words in (await console.get(f"{PAGE}/live")).text


async def test_undeliverable_items_are_sent_again_as_previewed(
    console: Console,
) -> None:
    platform, order_id = await asked(console)
    await refuse_payload(console.engine, NOON, ItemKey(order_id, platform.id))
    await console.sign_in()
    assert "未能送达：1 条" in (await console.get(PAGE)).text
    none = await console.act(f"{PAGE}/requeue", cause="overdue")
    assert none.status_code == 422

    shown = await console.act(f"{PAGE}/requeue", cause="refused")
    assert "<dd>1</dd>" in shown.text
    assert await item_status(console) is ItemStatus.UNDELIVERABLE
    await console.confirm(f"{PAGE}/requeue", shown)
    assert await item_status(console) is ItemStatus.QUEUED
    wrong = await console.act(f"{PAGE}/requeue", cause="nonsense")
    assert wrong.status_code == 422


async def test_what_was_sent_goes_out_again_as_previewed(console: Console) -> None:
    platform, order_id = await asked(console)
    async with console.engine.begin() as db:
        await an_attempt(db, platform.id, [order_id], at=NOON)
    await console.sign_in()
    since = f"{NOON.astimezone(ZONE) - timedelta(minutes=5):%FT%H:%M}"
    shown = await console.act(f"{PAGE}/redeliver", since=since)
    assert "<dd>1</dd>" in shown.text
    assert await queued(console) == 0

    done = await console.confirm(f"{PAGE}/redeliver", shown)
    assert done.status_code == 303
    assert await queued(console) == 1
    assert [one.action for one in await deeds_of(console)] == ["endpoint.redelivered"]

    again = await console.confirm(f"{PAGE}/redeliver", shown)
    assert again.status_code == 409
    assert await queued(console) == 1
    assert len(await deeds_of(console)) == 1


async def test_nothing_to_send_again_is_said_at_once(console: Console) -> None:
    await asked(console)
    await console.sign_in()
    since = f"{NOON.astimezone(ZONE) - timedelta(minutes=5):%FT%H:%M}"
    answer = await console.act(f"{PAGE}/redeliver", since=since)
    assert answer.status_code == 303
    assert "没有可补发的内容" in (await console.get(PAGE)).text
    assert await queued(console) == 0
    assert await deeds_of(console) == []


@pytest.mark.parametrize("since", ["", "yesterday", "2026-01-01T00:00", "2099-01-01"])
async def test_wrong_time_sends_nothing_again(console: Console, since: str) -> None:
    await asked(console)
    await console.sign_in()
    answer = await console.act(f"{PAGE}/redeliver", since=since)
    assert answer.status_code == 422
    assert await queued(console) == 0


@pytest.mark.parametrize("deed", DEEDS)
async def test_deeds_need_the_token_and_an_administrator(
    console: Console, deed: str
) -> None:
    await asked(console)
    await console.sign_in()
    forged = await console.post(f"{PAGE}/{deed}", {"_token": "x"})
    assert forged.status_code == 403
    unknown = await console.act(
        f"/console/platforms/nobody/{deed}", since=f"{NOON:%FT%TZ}"
    )
    assert unknown.status_code == 404
    await console.sign_in(Role.AUDITOR)
    assert (await console.act(f"{PAGE}/{deed}")).status_code == 403
    assert await deeds_of(console) == []


async def status(console: Console, platform: Platform) -> EndpointStatus:
    async with console.engine.connect() as db:
        owner = Owner(platform.slug, platform_id=platform.id)
        return (await endpoints.require(db, owner)).status


async def item_status(console: Console) -> ItemStatus:
    async with console.engine.connect() as db:
        found: ItemStatus = (await db.execute(select(items.c.status))).scalar_one()
        return found


async def queued(console: Console) -> int:
    async with console.engine.connect() as db:
        return len((await db.execute(select(deliveries.c.id))).all())


async def deeds_of(console: Console) -> list[Written]:
    """What a person did to endpoints."""
    async with console.engine.connect() as db:
        return [one for one in await trail(db, "endpoint.") if one.actor != PAST]
