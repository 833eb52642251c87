"""``unbind-broker keys``: who may call."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from unbind_broker.base.database import Db
from unbind_broker.base.ids import KeyId
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.carriers import service as carriers
from unbind_broker.carriers.tables import real_slug
from unbind_broker.cli.database import ACTOR, use_database
from unbind_broker.cli.listing import NotRegistered, read_all, show
from unbind_broker.cli.options import AsJson, DataDir, duration
from unbind_broker.intake.rehearsing import open_sandbox
from unbind_broker.keys import service
from unbind_broker.keys.service import Holder, Key
from unbind_broker.keys.tables import Role
from unbind_broker.platforms import service as platforms
from unbind_broker.platforms.rehearsed import refuse_made_up
from unbind_broker.runtime.opening import Runtime

app = typer.Typer(help="Issue, list and revoke API keys.", add_completion=False)


class RoleName(StrEnum):
    """The roles, as the command line names them."""

    CARRIER = "carrier"
    PLATFORM = "platform"
    ADMIN = "admin"
    AUDITOR = "auditor"


def _lifetime(text: str) -> timedelta:
    lifetime = duration(text)
    if not lifetime:
        raise typer.BadParameter("expected more than nothing")
    return lifetime


Sandbox = Annotated[
    bool,
    typer.Option(
        "--sandbox", help="Of a carrier: to rehearse with, about made-up numbers."
    ),
]


@app.command()
def issue(
    *,
    role: Annotated[RoleName, typer.Option(help="What the key may do.")],
    carrier: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Holder of a carrier key.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Holder of a platform key.")
    ] = None,
    sandbox: Sandbox = False,
    name: Annotated[
        str | None, typer.Option(metavar="N", help="To tell keys apart later.")
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            metavar="90d",
            parser=_lifetime,
            help="Lifetime; left out, the key lives until it is revoked.",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Issue a key and print it, and nothing else. It is told this once."""
    given = {"carrier": carrier, "platform": platform}
    slug = _holder_slug(role, given, sandbox=sandbox)

    async def work(runtime: Runtime) -> str:
        now = runtime.clock.now()
        async with runtime.engine.begin() as db:
            holder = await _holder(db, now, Role(role.value), slug, sandbox=sandbox)
            ends = _end(now, expires)
            issued = await service.issue(db, now, holder, name or role, ends, ACTOR)
            return issued.key

    print(use_database(data_dir, work))


@app.command("list")
def list_keys(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every key, revoked ones too. The keys themselves are not stored."""

    async def work(runtime: Runtime) -> list[Key]:
        async with runtime.engine.begin() as db:
            return await read_all(
                partial(service.list_page, db), lambda key: int(key.id)
            )

    show([_row(key) for key in use_database(data_dir, work)], as_json=as_json)


@app.command()
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="As listed.", min=1)],
    data_dir: DataDir = None,
) -> None:
    """Revoke a key: it is refused from the next call on, everywhere."""

    async def work(runtime: Runtime) -> Key | None:
        async with runtime.engine.begin() as db:
            return await service.revoke(db, runtime.clock.now(), KeyId(key_id), ACTOR)

    if use_database(data_dir, work) is None:
        raise NotRegistered(f"there is no key {key_id}")
    print(f"key {key_id} is revoked")


def _holder_slug(
    role: RoleName, given: Mapping[str, str | None], *, sandbox: bool
) -> str | None:
    """Demand ``--carrier`` of carrier keys and ``--platform`` of platform keys."""
    for option, slug in given.items():
        if slug is not None and option != role:
            raise typer.BadParameter(f"a key of role {role} takes no --{option}")
        if slug is None and option == role:
            raise typer.BadParameter(f"a key of role {role} needs --{option} SLUG")
    if sandbox and role is not RoleName.CARRIER:
        raise typer.BadParameter(f"a key of role {role} takes no --sandbox")
    return given.get(role)


async def _holder(
    db: Db, now: datetime, role: Role, slug: str | None, *, sandbox: bool
) -> Holder:
    if slug is None:
        return Holder(role)
    if role is Role.PLATFORM:
        platform = await platforms.find(db, slug)
        if platform is None:
            raise _unknown(role, slug)
        refuse_made_up(platform)
        return Holder(role, platform_id=platform.id)
    carrier = await carriers.find(db, slug)
    if carrier is None:
        raise _unknown(role, slug)
    if sandbox:
        twin = await open_sandbox(db, now, carrier.id, ACTOR)
        return Holder(role, carrier_id=twin)
    return Holder(role, carrier_id=carrier.id)


def _unknown(role: Role, slug: str) -> NotRegistered:
    return NotRegistered(
        f"no {role} is registered as {slug} here: unbind-broker {role}s list shows "
        "all, and --data-dir chooses the installation"
    )


def _end(now: datetime, lifetime: timedelta | None) -> datetime | None:
    try:
        return None if lifetime is None else now + lifetime
    except OverflowError:
        raise typer.BadParameter("--expires is too far away") from None


def _row(key: Key) -> dict[str, object]:
    return {
        "id": int(key.id),
        "role": str(key.role),
        "holder": real_slug(key.carrier_slug or "") or key.platform_slug,
        "sandbox": key.sandbox,
        "name": key.name,
        "hint": f"…{key.hint}",
        "created_at": show_instant_or_null(key.created_at),
        "expires_at": show_instant_or_null(key.expires_at),
        "revoked_at": show_instant_or_null(key.revoked_at),
    }
