"""Administrators issue API keys, list them, revoke them."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import (
    AnswerModel,
    Instant,
    Lax,
    Name,
    RequestModel,
    ShownInstant,
    Slug,
)
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    number_key,
    read_cursor,
)
from unbind_broker.api.paths import KeyIdInPath
from unbind_broker.api.problems import (
    ANY_BODY,
    ANY_CALL,
    NotFound,
    problems,
)
from unbind_broker.carriers.tables import real_slug
from unbind_broker.intake.key_holders import Wanted, find_holder
from unbind_broker.keys import service
from unbind_broker.keys.service import Key
from unbind_broker.keys.tables import Role

router = APIRouter(prefix="/v1/admin/keys", tags=["admin"])


class KeyBody(RequestModel):
    """A key to be issued."""

    role: Annotated[Role, Lax] = Field(examples=["carrier"])
    carrier: Slug | None = Field(
        default=None, examples=["china-mobile"], description="For role `carrier`."
    )
    platform: Slug | None = Field(
        default=None, examples=[None], description="For role `platform`."
    )
    sandbox: bool = Field(
        default=False,
        examples=[False],
        description="For role `carrier`: a key to rehearse with. What it asks for "
        "concerns made-up numbers only, goes to made-up platforms and test endpoints, "
        "and is apart from everything real.",
    )
    name: Name | None = Field(
        default=None,
        examples=["billing back end, production"],
        description="What administrators call the key. Left out: its role.",
    )
    expires_at: Instant | None = Field(
        default=None, description="null: never. Must be in the future."
    )


class KeyShown(AnswerModel):
    """A key; its text is never shown again."""

    id: int = Field(examples=[12])
    role: Role = Field(examples=["carrier"])
    carrier: str | None = Field(examples=["china-mobile"])
    platform: str | None = Field(examples=[None])
    sandbox: bool = Field(
        examples=[False],
        description="Its holder rehearses: nothing that it says or is told is real.",
    )
    name: str = Field(examples=["billing back end, production"])
    hint: str = Field(examples=["x3Qd"], description="The last characters of the key.")
    created_at: ShownInstant
    expires_at: ShownInstant | None
    revoked_at: ShownInstant | None


class KeyIssued(KeyShown):
    """A new key, with its text this once."""

    key: str = Field(examples=["ub_carrier_…"])


class KeyPage(Page[KeyShown]):
    """Keys in the order in which they were issued."""


@router.post("", status_code=201, summary="Issue a key", responses=problems(*ANY_BODY))
async def issue_key(
    context: Ctx, caller: AdminCaller, body: KeyBody, response: Response
) -> KeyIssued:
    """Issue a key. The answer holds it this once; only a digest is kept.

    Several keys live side by side per holder: to change one, issue the new one first,
    then revoke the old one.

    `sandbox` keys let a carrier rehearse. The first one registers a few made-up
    platforms, for which the broker answers. Where several releases run side by side,
    issue none before all of them know sandbox keys.
    """
    async with context.engine.begin() as db:
        now = context.clock.now()
        wanted = Wanted(body.role, body.carrier, body.platform, body.sandbox)
        holder = await find_holder(db, now, wanted, caller.actor)
        issued = await service.issue(
            db,
            now,
            holder,
            body.name or body.role,
            body.expires_at,
            caller.actor,
        )
    response.headers["Cache-Control"] = "no-store"
    return KeyIssued.model_validate({**_fields(issued), "key": issued.key})


@router.get("", summary="List keys", responses=problems(*ANY_CALL))
async def list_keys(
    context: Ctx,
    _: AdminCaller,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> KeyPage:
    """List keys in the order in which they were issued, ended ones too."""
    after = read_cursor(cursor, number_key)
    async with context.engine.connect() as db:
        rows = await service.list_page(db, after, limit + 1)
    keys, following = cut_page(rows, limit, lambda key: key.id)
    shown = [KeyShown.model_validate(_fields(key)) for key in keys]
    return KeyPage(data=shown, next_cursor=following)


@router.delete(
    "/{key_id}",
    status_code=204,
    summary="Revoke a key",
    responses=problems(*ANY_CALL, "not-found"),
)
async def revoke_key(context: Ctx, caller: AdminCaller, key_id: KeyIdInPath) -> None:
    """End a key at once, on every replica. Doing it again changes nothing."""
    now = context.clock.now()
    async with context.engine.begin() as db:
        if await service.revoke(db, now, key_id, caller.actor) is None:
            raise NotFound("there is no key with this id")


def _fields(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "role": key.role,
        "carrier": key.carrier_slug and real_slug(key.carrier_slug),
        "platform": key.platform_slug,
        "sandbox": key.sandbox,
        "name": key.name,
        "hint": key.hint,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
