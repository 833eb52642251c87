"""Auditors read seals, sign them too, and take the sealed trail away."""

import binascii
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse

from unbind_broker.api.audit_shown import (
    CosignatureBody,
    CosignatureShown,
    SealShown,
    seal_shown,
    show_cosignature,
)
from unbind_broker.api.callers import AuditCaller, AuditorCaller
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    number_key,
    read_cursor,
)
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, NotFound, problems
from unbind_broker.audit.cosigning import cosign, list_cosignatures
from unbind_broker.audit.exporting import Place, next_lines, place_behind
from unbind_broker.audit.reading import find_seal, latest_seal, list_seals
from unbind_broker.audit.seals import Seal
from unbind_broker.audit.signing_keys import public_keys
from unbind_broker.audit.tracing import trace
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.signing_keys import PublicKey, SigningKeyInvalid

router = APIRouter(prefix="/v1/audit", tags=["audit"])

NDJSON = "application/x-ndjson"
_SIGNATURE_BYTES = 64


class SealPage(Page[SealShown]):
    """Seals, the newest first."""


class CosignaturePage(Page[CosignatureShown]):
    """Signatures of one seal, in the order of their keys."""


class _Lines(StreamingResponse):
    media_type: str | None = NDJSON


def _number(
    number: Annotated[str, Path(examples=["17"], description="The seal's number.")],
) -> int:
    try:
        return number_key(number)
    except ValueError:
        raise NotFound("there is no seal with this number") from None


NumberInPath = Annotated[int, Depends(_number)]


@router.get("/seals", summary="List seals", responses=problems(*ANY_CALL))
async def read_seals(
    context: Ctx,
    caller: AuditCaller,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SealPage:
    """List seals, the newest first. Keep them: they show if history is rewritten."""
    before = read_cursor(cursor, number_key)
    async with context.engine.begin() as db:
        rows = await list_seals(db, before, limit + 1)
        seals, following = cut_page(rows, limit, lambda seal: seal.number)
        await trace(db, context.clock.now(), caller.actor, "seals", shown=len(seals))
        keys = await public_keys(db)
    shown = [seal_shown(seal, keys) for seal in seals]
    return SealPage(data=shown, next_cursor=following)


@router.get(
    "/seals/{number}", summary="Read a seal", responses=problems(*ANY_CALL, "not-found")
)
async def read_seal(
    context: Ctx, caller: AuditCaller, number: NumberInPath
) -> SealShown:
    """Read one seal."""
    async with context.engine.begin() as db:
        seal = await _require(db, number)
        await trace(db, context.clock.now(), caller.actor, "seal", seal=number)
        return seal_shown(seal, await public_keys(db))


@router.post(
    "/seals/{number}/cosignatures",
    status_code=201,
    summary="Sign a seal too",
    responses={
        200: {"description": "Kept already.", "model": CosignatureShown},
        **problems(*ANY_BODY, "not-found", "cosignature-invalid"),
    },
)
async def post_cosignature(
    context: Ctx,
    caller: AuditorCaller,
    number: NumberInPath,
    body: CosignatureBody,
    response: Response,
) -> CosignatureShown:
    """Leave your own signature of a seal's `statement`: it is verified, then kept.

    For auditors only. A broker that rewrote what you have signed would have to forge
    your signature too. One signature per key is kept.
    """
    key, signature = _public_key(body.public_key), _signature(body.signature)
    async with context.engine.begin() as db:
        seal = await _require(db, number)
        now = context.clock.now()
        kept, is_new = await cosign(db, now, seal, key, signature, caller.actor)
    response.status_code = 201 if is_new else 200
    return show_cosignature(kept)


@router.get(
    "/seals/{number}/cosignatures",
    summary="List the other signatures of a seal",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_cosignatures(
    context: Ctx,
    caller: AuditCaller,
    number: NumberInPath,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CosignaturePage:
    """List who else has signed a seal, by their keys."""
    after = read_cursor(cursor, _key_text)
    async with context.engine.begin() as db:
        await _require(db, number)
        rows = await list_cosignatures(db, number, after, limit + 1)
        kept, following = cut_page(rows, limit, lambda one: one.public_key)
        await trace(db, context.clock.now(), caller.actor, "cosignatures", seal=number)
    shown = [show_cosignature(one) for one in kept]
    return CosignaturePage(data=shown, next_cursor=following)


@router.get(
    "/export",
    summary="Take the sealed trail away",
    response_class=_Lines,
    responses={
        200: {
            "description": "A line of JSON per event and per seal, seals behind their "
            "events. An event's line holds its canonical bytes as `event`.",
            "content": {NDJSON: {"schema": {"type": "string"}}},
        },
        **problems(*ANY_CALL),
    },
)
async def export(
    context: Ctx,
    caller: AuditCaller,
    after_seal: Annotated[
        int, Query(ge=0, le=2**31 - 1, description="Go on behind this seal.")
    ] = 0,
) -> Response:
    """Stream every sealed event with its seal, up to the newest seal at this moment."""
    async with context.engine.begin() as db:
        latest = await latest_seal(db)
        last = latest.number if latest else 0
        facts = {"after_seal": after_seal, "last_seal": last}
        await trace(db, context.clock.now(), caller.actor, "export", **facts)
    return _Lines(_lines(context, after_seal, last))


async def _lines(context: Context, after: int, last: int) -> AsyncIterator[bytes]:
    """Read page by page: nothing stays open while the caller reads slowly."""
    async with context.engine.connect() as db:
        keys = await public_keys(db)
        place: Place | None = await place_behind(db, after)
    while place is not None:
        async with context.engine.connect() as db:
            lines, place = await next_lines(db, place, last, keys)
        yield b"".join(lines)


async def _require(db: Db, number: int) -> Seal:
    seal = await find_seal(db, number)
    if seal is None:
        raise NotFound("there is no seal with this number")
    return seal


def _public_key(text: str) -> PublicKey:
    try:
        return PublicKey.parse(text)
    except SigningKeyInvalid as wrong:
        raise InvalidFields.at("/public_key", wrong.detail) from None


def _signature(text: str) -> bytes:
    try:
        signature = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if len(signature) != _SIGNATURE_BYTES:
        raise InvalidFields.at("/signature", "expected 64 bytes in base64")
    return signature


def _key_text(text: str) -> str:
    if not text.startswith(PublicKey.prefix):
        raise ValueError(text)
    return text
