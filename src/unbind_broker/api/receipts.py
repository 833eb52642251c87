"""Receipts: the broker's signed statements, for machines and for people (回执)."""

import hashlib
from collections.abc import Collection
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from unbind_broker.api.callers import CarrierCaller, carrier_of
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.order_paths import OrderIdInPath, QueryIdInPath
from unbind_broker.api.orders import ORDERS
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.api.queries import QUERIES
from unbind_broker.api.receipt_page import (
    CONTENT_SECURITY_POLICY,
    LANGUAGES,
    Signed,
    render,
)
from unbind_broker.base.negotiation import language, media_type
from unbind_broker.items.receipts import (
    ReceiptAsked,
    ReceiptTools,
    current_receipt,
    digest_of,
    earlier_receipt,
    key_id_of,
    payload_of,
)
from unbind_broker.keys.service import Caller
from unbind_broker.orders.receipts import StoredReceipt
from unbind_broker.orders.states import OrderKind

JOSE = "application/jose"
HTML = "text/html"

router = APIRouter()

_HEADERS = {
    "ETag": {
        "description": "Changes with the version, for a page also with its text.",
        "schema": {"type": "string"},
    },
    "Receipt-Version": {
        "description": "Which version this is: 1, 2, 3 …",
        "schema": {"type": "integer"},
    },
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The receipt.",
        "headers": _HEADERS,
        "content": {
            JOSE: {
                "schema": {"type": "string"},
                "example": "eyJ0eXAiOiJ1bmJpbmQtcmVjZWlwdCtqd3QiLCJhbGciOiJFZERTQSJ9"
                ".eyJ2ZXJzaW9uIjoxfQ.c2lnbmF0dXJl",
            },
            HTML: {"schema": {"type": "string"}},
        },
    },
    304: {"description": "It is the one that `If-None-Match` names."},
    **problems(*ANY_CALL, "not-found", "order-not-completed", "overloaded"),
}


class _Wanted:
    """Which version, in what form."""

    def __init__(
        self,
        request: Request,
        version: Annotated[
            int | None,
            Query(ge=1, le=2**31 - 1, description="An earlier version."),
        ] = None,
        lang: Annotated[
            str | None,
            Query(
                pattern="^(zh|en)$",
                description="The language that the page shows at first; left out, it "
                "is chosen by `Accept-Language`. The page holds both.",
            ),
        ] = None,
        if_none_match: Annotated[
            str | None, Header(description="The `ETag` that the caller has.")
        ] = None,
    ) -> None:
        accepted = ",".join(request.headers.getlist("accept"))
        spoken = ",".join(request.headers.getlist("accept-language"))
        self.version = version
        self.form = media_type(accepted, (JOSE, HTML))
        self.language = lang or language(spoken, LANGUAGES)
        self.known = if_none_match


Wanted = Annotated[_Wanted, Depends()]


@router.get(
    "/v1/queries/{query_id}/receipt",
    tags=["queries"],
    summary="Get a query's receipt",
    response_class=Response,
    responses=_ANSWERS,
)
async def read_query_receipt(
    context: Ctx, caller: CarrierCaller, query_id: QueryIdInPath, wanted: Wanted
) -> Response:
    """Get the signed statement of what the platforms answered; see that of orders."""
    return await _receipt(context, caller, (query_id, QUERIES), wanted)


@router.get(
    "/v1/orders/{order_id}/receipt",
    tags=["orders"],
    summary="Get an order's receipt",
    response_class=Response,
    responses=_ANSWERS,
)
async def read_order_receipt(
    context: Ctx, caller: CarrierCaller, order_id: OrderIdInPath, wanted: Wanted
) -> Response:
    """Get the broker's signed statement of what came of an order, once it is over.

    A compact JWS (EdDSA, `typ` `unbind-receipt+jwt`), to be checked with the keys under
    `/.well-known/jwks.json`, offline by `unbind-broker receipt verify`. It states the
    order, the outcome of each platform that is not folded away, the SHA-256 of each
    signed report behind it (`evidence`), and the newest seal of the audit trail.

    With nothing new it is the same one, byte for byte. When a late or amended result
    changes what you can see, the next version is issued; `previous` is the SHA-256 of
    the one before, and `version` reads an earlier one.

    `Accept: text/html` gives a page to read and print instead, in Chinese and English.
    """
    return await _receipt(context, caller, (order_id, ORDERS), wanted)


async def _receipt(
    context: Context,
    caller: Caller,
    named: tuple[UUID, Collection[OrderKind]],
    wanted: _Wanted,
) -> Response:
    order_id, kinds = named
    asked = ReceiptAsked(carrier_of(caller), caller.actor, order_id, kinds)
    runtime = context.runtime
    tools = ReceiptTools(runtime.sealer, runtime.broker_key)
    async with context.admission.enter(), context.engine.begin() as db:
        if wanted.version is None:
            now = context.clock.now()
            stored = await current_receipt(db, now, asked, tools)
        else:
            stored = await earlier_receipt(db, asked, wanted.version, tools)
    if stored is None:
        raise NotFound("nothing of yours has this id, or no such version")
    if not stored.jws:
        raise NotFound(
            "this receipt was destroyed with all that was kept of the number"
        )
    if wanted.form == HTML:
        return _page(context, stored, wanted)
    return _answer(stored, wanted, stored.jws, digest_of(stored.jws))


def _page(context: Context, stored: StoredReceipt, wanted: _Wanted) -> Response:
    sha256, key_id = digest_of(stored.jws), key_id_of(stored.jws)
    shown = Signed(payload_of(stored.jws), sha256, key_id)
    text = render(shown, context.settings.zone, wanted.language)
    digest = hashlib.sha256(text.encode()).hexdigest()
    answer = _answer(stored, wanted, text, digest)
    answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _answer(stored: StoredReceipt, wanted: _Wanted, text: str, digest: str) -> Response:
    headers = {
        "ETag": f'"{digest}"',
        "Receipt-Version": str(stored.version),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Accept-Language, Authorization",
    }
    if wanted.known is not None and _names(wanted.known, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(text, media_type=wanted.form, headers=headers)


def _names(if_none_match: str, etag: str) -> bool:
    """Compare weakly, as RFC 9110 §13.1.2 wants it."""
    given = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return etag in given or "*" in given
