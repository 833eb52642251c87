"""Register endpoints, put them to use, hold them back, change their secrets."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import EndpointId
from unbind_broker.base.instants import show_instant
from unbind_broker.base.network_guard import UrlPolicy, check_endpoint_url
from unbind_broker.base.signing_keys import Secret
from unbind_broker.endpoints import health_store, states, store
from unbind_broker.endpoints.choice import EndpointChoice, check_choice, check_grace
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.endpoints.health import HealthEventKind
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.states import EndpointStatus, PausedBy

_CHOSEN = (
    "max_batch",
    "max_concurrency",
    "max_rate",
    "result_public_key",
    "event_types",
)
_FIXED = {
    "id",
    "platform_id",
    "carrier_id",
    "owner_slug",
    "created_at",
    "changed_at",
    "sensitive",
    "version",
    "health",
}
_CHANGEABLE = {field.name for field in fields(Endpoint)} - _FIXED
_URLS = {"url", "pending_url"}


class EndpointMissing(BrokerError):
    """The owner has registered no endpoint."""

    code = "not-found"
    title = "Nothing here"

    def __init__(self, owner: Owner) -> None:
        super().__init__(f"{owner.slug} has registered no endpoint")


@dataclass(frozen=True)
class EndpointTools:
    """What registering needs of the process."""

    secrets: EndpointSecrets
    policy: UrlPolicy


@dataclass(frozen=True)
class Registered:
    """An endpoint, and its new secret if one was made: the only time it is told."""

    endpoint: Endpoint
    secret: Secret | None
    is_new: bool = False


async def register(
    db: Db,
    now: datetime,
    owner: Owner,
    choice: EndpointChoice,
    tools: EndpointTools,
    actor: str,
) -> Registered:
    """Register an endpoint, or replace everything that was chosen for it.

    A verified one keeps working as it is until its new URL is verified. A secret is
    made when an endpoint first gets a URL. Raises ``InvalidFields`` or
    ``EndpointUrlRefused``.
    """
    check_choice(choice, for_carrier=owner.is_carrier)
    url = None
    if choice.url is not None:
        url = check_endpoint_url(choice.url, tools.policy).url
    chosen = {name: getattr(choice, name) for name in _CHOSEN}
    secret, sealed = tools.secrets.make() if url else (None, None)
    made = await store.insert_new(
        db,
        **asdict(states.begin(url, now)),
        **chosen,
        platform_id=owner.platform_id,
        carrier_id=owner.carrier_id,
        secret_sealed=sealed,
        created_at=now,
        changed_at=now,
    )
    before = await lock(db, owner)
    if made is not None:
        await _record(db, now, actor, "registered", before, asdict(choice))
        return Registered(before, secret, is_new=True)
    after = replace(states.move(before, url, now), **chosen)
    if before.secret_sealed is not None:
        return Registered(await _save(db, now, actor, "changed", before, after), None)
    after = replace(after, secret_sealed=sealed)
    return Registered(await _save(db, now, actor, "changed", before, after), secret)


async def find(db: Db, owner: Owner) -> Endpoint | None:
    """Read an owner's endpoint."""
    return await store.load(db, owner)


async def require(db: Db, owner: Owner) -> Endpoint:
    """Read an owner's endpoint; raises ``EndpointMissing``."""
    endpoint = await store.load(db, owner)
    if endpoint is None:
        raise EndpointMissing(owner)
    return endpoint


async def lock(db: Db, owner: Owner) -> Endpoint:
    """Read an endpoint that stays as it is until the transaction ends.

    Raises ``EndpointMissing``.
    """
    endpoint = await store.load(db, owner, lock=True)
    if endpoint is None:
        raise EndpointMissing(owner)
    return endpoint


async def list_page(db: Db, after: int | None, limit: int) -> list[Endpoint]:
    """Read up to ``limit`` endpoints in the order of their ids."""
    return await store.load_page(db, after or 0, limit)


async def load_many(db: Db, ids: Collection[EndpointId]) -> list[Endpoint]:
    """Read these endpoints, secrets sealed, in the order of their ids."""
    return await store.load_many(db, ids)


async def mark(db: Db, ids: Collection[EndpointId]) -> str | None:
    """Give what is another one as soon as `load_many` would read anything else."""
    return await store.mark(db, ids)


async def count_changes(db: Db) -> int:
    """Count what owners have ever changed of all endpoints."""
    return await store.count_changes(db)


async def mark_verified(
    db: Db, now: datetime, owner: Owner, url: str, actor: str
) -> Endpoint:
    """Put the URL that has answered its challenge to use.

    Raises ``EndpointChanged`` if another one was chosen meanwhile.
    """
    before = await lock(db, owner)
    after = replace(states.verify(before, url, now), health=None)
    await health_store.forget(db, before.id)
    if before.status is EndpointStatus.DISABLED:
        again = HealthEventKind.RECOVERED
        await health_store.note(db, before.id, again, now, "verified again")
    return await _save(db, now, actor, "verified", before, after)


async def pause(
    db: Db, now: datetime, owner: Owner, by: PausedBy, actor: str
) -> Endpoint:
    """Hold items back until the same side resumes; see ``states.pause``."""
    before = await lock(db, owner)
    return await _save(db, now, actor, "paused", before, states.pause(before, by))


async def resume(
    db: Db, now: datetime, owner: Owner, by: PausedBy, actor: str
) -> Endpoint:
    """Let items go out again, at once; see ``states.resume``."""
    before = await lock(db, owner)
    after = replace(states.resume(before, by), health=None)
    await health_store.forget(db, before.id)
    return await _save(db, now, actor, "resumed", before, after)


async def disable(
    db: Db, now: datetime, endpoint_id: EndpointId, url: str, reason: str, actor: str
) -> bool:
    """Stop posting until the owner verifies again; False if it was not active.

    What ``url`` has answered says nothing about another URL that is in use meanwhile.
    """
    before = await store.load_locked(db, endpoint_id)
    if before is None or before.url != url:
        return False
    after = states.disable(before, reason)
    if after == before:
        return False
    await _save(db, now, actor, "disabled", before, after)
    await health_store.note(db, endpoint_id, HealthEventKind.DISABLED, now, reason)
    return True


async def rotate_secret(
    db: Db,
    now: datetime,
    owner: Owner,
    grace: timedelta,
    tools: EndpointTools,
    actor: str,
) -> Registered:
    """Make a new secret; the old one signs along for ``grace``, or dies at once.

    One that is still in an earlier grace dies, so that never more than two sign. Raises
    ``InvalidFields``, ``EndpointMissing`` or ``EndpointIsPull``.
    """
    check_grace(grace)
    before = await lock(db, owner)
    states.url_to_verify(before)
    secret, sealed = tools.secrets.make()
    after = replace(
        before,
        secret_sealed=sealed,
        previous_secret_sealed=before.secret_sealed if grace else None,
        previous_secret_until=now + grace if grace else None,
    )
    saved = await _save(db, now, actor, "secret_rotated", before, after)
    return Registered(saved, secret)


async def _save(
    db: Db, now: datetime, actor: str, verb: str, before: Endpoint, after: Endpoint
) -> Endpoint:
    """Write what differs, and who did it; nothing if nothing differs."""
    changes = {
        name: getattr(after, name)
        for name in _CHANGEABLE
        if getattr(after, name) != getattr(before, name)
    }
    if not changes:
        return before
    version = await store.write(db, before.id, now, **changes)
    await _record(db, now, actor, verb, after, changes)
    return replace(after, changed_at=now, version=version)


async def _record(
    db: Db,
    now: datetime,
    actor: str,
    verb: str,
    endpoint: Endpoint,
    changes: dict[str, object],
) -> None:
    told = {
        name: _fact(name, value)
        for name, value in changes.items()
        if not name.endswith("_sealed")
    }
    facts = {"endpoint": endpoint.id, "owner": endpoint.owner_slug, **told}
    await record(db, now, Fact(actor=actor, action=f"endpoint.{verb}", facts=facts))


def _fact(name: str, value: object) -> object:
    """Make plain JSON; a URL is told without its query, which may hold a token."""
    if isinstance(value, datetime):
        return show_instant(value)
    if name in _URLS and isinstance(value, str):
        return value.partition("?")[0]
    return value
