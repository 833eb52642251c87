import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import (
    TOOLS,
    a_carrier,
    a_platform,
    an_endpoint,
    owner_of,
)
from tests.support.clock import NOON
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import EndpointId
from unbind_broker.base.network_guard import EndpointUrlRefused, UrlPolicy
from unbind_broker.base.signing_keys import Secret
from unbind_broker.endpoints import service
from unbind_broker.endpoints.choice import EndpointChoice
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.service import EndpointMissing
from unbind_broker.endpoints.states import (
    Delivery,
    EndpointIsPull,
    EndpointStatus,
    PausedBy,
)
from unbind_broker.endpoints.tables import endpoint_leases

URL, NEW_URL = "https://hooks.weibo.com/unbind", "https://new.weibo.com/unbind"
LATER = NOON + timedelta(hours=1)
PUSH, PULL = EndpointChoice(url=URL), EndpointChoice(delivery=Delivery.PULL)
WHO = "platform:weibo"
HOUR, NONE = timedelta(hours=1), timedelta(0)


async def a_weibo(db: Db) -> Owner:
    return owner_of(await a_platform(db, "weibo"))


async def test_first_registration_tells_the_secret_and_sends_nothing_yet(
    db: Db,
) -> None:
    owner = await a_weibo(db)
    made = await service.register(db, NOON, owner, PUSH, TOOLS, WHO)
    assert made.is_new
    assert made.endpoint.status is EndpointStatus.UNVERIFIED
    assert made.endpoint.verified_at is None
    assert made.secret is not None
    assert len(made.secret.key) == 32
    assert await service.find(db, owner) == made.endpoint
    assert TOOLS.secrets.living(made.endpoint, NOON) == (made.secret,)


async def test_secret_is_sealed_at_rest(db: Db) -> None:
    made = await service.register(db, NOON, await a_weibo(db), PUSH, TOOLS, WHO)
    assert made.secret is not None
    sealed = (
        await db.execute(text("SELECT secret_sealed FROM endpoints"))
    ).scalar_one()
    assert made.secret.key not in bytes(sealed)
    assert made.secret.text not in repr(made)
    assert "secret_sealed" not in repr(made.endpoint)


async def test_second_registration_replaces_everything_and_tells_no_secret(
    db: Db,
) -> None:
    owner = await a_weibo(db)
    chosen = replace(PUSH, max_batch=7, max_rate=2.5, event_types=("endpoint.test",))
    first = await service.register(db, NOON, owner, chosen, TOOLS, WHO)
    assert (first.endpoint.max_batch, first.endpoint.max_rate) == (7, 2.5)
    assert first.endpoint.event_types == ("endpoint.test",)
    second = await service.register(db, LATER, owner, PUSH, TOOLS, WHO)
    assert (second.is_new, second.secret) == (False, None)
    chosen_anew = replace(first.endpoint, max_batch=50, max_rate=None, event_types=None)
    expected = replace(chosen_anew, changed_at=LATER, version=1)
    assert second.endpoint == await service.find(db, owner) == expected


async def test_registering_the_same_again_changes_nothing(db: Db) -> None:
    owner = await a_weibo(db)
    first = await service.register(db, NOON, owner, PUSH, TOOLS, WHO)
    again = await service.register(db, LATER, owner, PUSH, TOOLS, WHO)
    assert again.endpoint == first.endpoint
    assert len(await trail(db, "endpoint.")) == 1


async def test_new_url_waits_while_the_old_one_works(db: Db) -> None:
    platform = await a_platform(db, "weibo")
    before = (await an_endpoint(db, platform, URL)).endpoint
    moved = await service.register(
        db, LATER, before.owner, EndpointChoice(url=NEW_URL), TOOLS, WHO
    )
    assert (moved.endpoint.url, moved.endpoint.pending_url) == (URL, NEW_URL)
    assert moved.endpoint.status is EndpointStatus.ACTIVE
    verified = await service.mark_verified(db, LATER, before.owner, NEW_URL, WHO)
    assert (verified.url, verified.pending_url) == (NEW_URL, None)
    assert verified.secret_sealed == before.secret_sealed


async def test_pull_is_active_at_once_and_has_no_secret(db: Db) -> None:
    owner = await a_weibo(db)
    made = await service.register(db, NOON, owner, PULL, TOOLS, WHO)
    assert (made.endpoint.status, made.secret) == (EndpointStatus.ACTIVE, None)
    assert made.endpoint.verified_at == NOON
    assert TOOLS.secrets.living(made.endpoint, NOON) == ()


async def test_pull_that_gets_a_url_is_told_its_first_secret(db: Db) -> None:
    owner = await a_weibo(db)
    await service.register(db, NOON, owner, PULL, TOOLS, WHO)
    made = await service.register(db, LATER, owner, PUSH, TOOLS, WHO)
    assert made.secret is not None
    assert TOOLS.secrets.living(made.endpoint, LATER) == (made.secret,)
    assert (made.endpoint.delivery, made.endpoint.pending_url) == (Delivery.PULL, URL)
    verified = await service.mark_verified(db, LATER, owner, URL, WHO)
    assert (verified.delivery, verified.url) == (Delivery.PUSH, URL)


async def test_push_that_turns_to_pull_and_back_keeps_its_secret(db: Db) -> None:
    owner = await a_weibo(db)
    first = await service.register(db, NOON, owner, PUSH, TOOLS, WHO)
    pull = await service.register(db, LATER, owner, PULL, TOOLS, WHO)
    assert (pull.endpoint.url, pull.endpoint.status) == (None, EndpointStatus.ACTIVE)
    back = await service.register(db, LATER, owner, PUSH, TOOLS, WHO)
    assert back.secret is None
    assert back.endpoint.secret_sealed == first.endpoint.secret_sealed


async def test_wrong_choice_and_forbidden_url_are_refused(db: Db) -> None:
    owner = await a_weibo(db)
    with pytest.raises(InvalidFields, match="/url"):
        await service.register(db, NOON, owner, EndpointChoice(), TOOLS, WHO)
    strict = replace(TOOLS, policy=UrlPolicy())
    loopback = EndpointChoice(url="https://127.0.0.1/")
    with pytest.raises(EndpointUrlRefused):
        await service.register(db, NOON, owner, loopback, strict, WHO)
    assert await service.find(db, owner) is None


async def test_every_endpoint_has_a_free_lease_before_the_transactions_that_run(
    db: Db,
) -> None:
    made = await an_endpoint(db, await a_platform(db))
    lease = (await db.execute(select(endpoint_leases))).one()
    assert lease.endpoint_id == made.endpoint.id
    assert (lease.holder, lease.epoch, lease.lease_until) == (None, 0, None)
    xid = text("SELECT pg_current_xact_id()::text::bigint")
    assert lease.cursor_xid <= (await db.execute(xid)).scalar_one()
    assert lease.cursor_order_id.int == 0


async def test_two_first_registrations_at_once_make_one_endpoint(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        owner = await a_weibo(db)

    async def register() -> bool:
        async with engine.begin() as db:
            made = await service.register(db, NOON, owner, PUSH, TOOLS, WHO)
        return made.is_new and made.secret is not None

    firsts = await asyncio.gather(*(register() for _ in range(5)))
    assert sorted(firsts) == [False, False, False, False, True]
    async with engine.connect() as db:
        leases = select(func.count()).select_from(endpoint_leases)
        assert (await db.execute(leases)).scalar_one() == 1


async def test_carriers_have_endpoints_of_their_own(db: Db) -> None:
    carrier, platform = await a_carrier(db), await a_platform(db)
    of_carrier = (await an_endpoint(db, carrier)).endpoint
    of_platform = (await an_endpoint(db, platform)).endpoint
    assert (of_carrier.owner, of_carrier.owner.is_carrier) == (owner_of(carrier), True)
    assert await service.find(db, owner_of(platform)) == of_platform
    found = await service.load_many(db, [of_platform.id, of_carrier.id])
    assert found == sorted([of_carrier, of_platform], key=lambda one: one.id)


async def test_both_secrets_sign_until_the_grace_ends(db: Db) -> None:
    first = await an_endpoint(db, await a_platform(db))
    owner = first.endpoint.owner
    rotated = await service.rotate_secret(db, NOON, owner, HOUR, TOOLS, WHO)
    assert rotated.secret is not None
    old = Secret.parse(first.secret)
    just_before = LATER - timedelta(seconds=1)
    living = TOOLS.secrets.living
    assert living(rotated.endpoint, just_before) == (rotated.secret, old)
    assert living(rotated.endpoint, LATER) == (rotated.secret,)
    assert await service.find(db, owner) == rotated.endpoint


async def test_leaked_secret_dies_at_once(db: Db) -> None:
    first = await an_endpoint(db, await a_platform(db))
    owner = first.endpoint.owner
    rotated = await service.rotate_secret(db, NOON, owner, NONE, TOOLS, WHO)
    assert TOOLS.secrets.living(rotated.endpoint, NOON) == (rotated.secret,)
    assert rotated.endpoint.previous_secret_sealed is None


async def test_never_more_than_two_secrets_sign(db: Db) -> None:
    owner = (await an_endpoint(db, await a_platform(db))).endpoint.owner
    second = await service.rotate_secret(db, NOON, owner, HOUR, TOOLS, WHO)
    third = await service.rotate_secret(db, NOON, owner, HOUR, TOOLS, WHO)
    living = TOOLS.secrets.living(third.endpoint, NOON)
    assert living == (third.secret, second.secret)


async def test_secret_never_reaches_the_trail(db: Db) -> None:
    owner = (await an_endpoint(db, await a_platform(db))).endpoint.owner
    rotated = await service.rotate_secret(db, NOON, owner, HOUR, TOOLS, WHO)
    assert rotated.secret is not None
    written = (await trail(db, "endpoint.secret_rotated"))[0]
    assert set(written.facts) == {"endpoint", "owner", "previous_secret_until"}
    assert "whsec" not in repr(await trail(db))


async def test_token_in_a_url_never_reaches_the_trail(db: Db) -> None:
    platform = await a_platform(db)
    await an_endpoint(db, platform, "https://hooks.weibo.com/unbind?token=hidden")
    written = await trail(db, "endpoint.")
    assert [one.action for one in written] == [
        "endpoint.registered",
        "endpoint.verified",
    ]
    assert written[0].facts["url"] == URL
    assert "hidden" not in repr(written)


async def test_pull_without_url_has_no_secret_to_rotate(db: Db) -> None:
    platform = await a_platform(db)
    await an_endpoint(db, platform, delivery=Delivery.PULL)
    with pytest.raises(EndpointIsPull):
        await service.rotate_secret(db, NOON, owner_of(platform), HOUR, TOOLS, WHO)


async def test_pausing_and_resuming_is_written_down_once_each(db: Db) -> None:
    owner = (await an_endpoint(db, await a_platform(db))).endpoint.owner
    for _ in range(2):
        paused = await service.pause(db, LATER, owner, PausedBy.OWNER, WHO)
        assert paused.status is EndpointStatus.PAUSED
    for _ in range(2):
        resumed = await service.resume(db, LATER, owner, PausedBy.OWNER, WHO)
        assert resumed.status is EndpointStatus.ACTIVE
    assert len(await trail(db, "endpoint.paused")) == 1
    assert len(await trail(db, "endpoint.resumed")) == 1


async def test_disabling_tells_the_reason_once(db: Db) -> None:
    endpoint = (await an_endpoint(db, await a_platform(db), URL)).endpoint
    assert not await service.disable(
        db, LATER, endpoint.id, NEW_URL, "gone", "worker:1"
    )
    assert await service.disable(db, LATER, endpoint.id, URL, "gone", "worker:1")
    assert not await service.disable(db, LATER, endpoint.id, URL, "gone", "worker:1")
    found = await service.require(db, endpoint.owner)
    assert (found.status, found.disabled_reason) == (EndpointStatus.DISABLED, "gone")
    written = await trail(db, "endpoint.disabled")
    assert [one.actor for one in written] == ["worker:1"]


async def test_owner_without_endpoint_is_told_so(db: Db) -> None:
    owner = await a_weibo(db)
    assert await service.find(db, owner) is None
    with pytest.raises(EndpointMissing, match="weibo has registered no endpoint"):
        await service.require(db, owner)
    with pytest.raises(EndpointMissing):
        await service.pause(db, NOON, owner, PausedBy.ADMIN, "admin:1")
    assert not await service.disable(db, NOON, EndpointId(99), URL, "gone", "worker:1")


async def test_pages_follow_the_order_of_registration(db: Db) -> None:
    for slug in ("b", "a", "c"):
        await an_endpoint(db, await a_platform(db, slug))
    first = await service.list_page(db, None, 2)
    second = await service.list_page(db, first[-1].id, 2)
    assert [endpoint.owner_slug for endpoint in first + second] == ["b", "a", "c"]


def test_owner_is_one_party() -> None:
    with pytest.raises(ValueError, match="either a platform or a carrier"):
        Owner("weibo")
