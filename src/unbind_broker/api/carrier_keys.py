"""The keys by which carriers attest who holds a number, for anyone to check."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel
from unbind_broker.api.paths import SlugInPath
from unbind_broker.api.problems import NotFound, problems
from unbind_broker.carriers import service

router = APIRouter(prefix="/.well-known/carriers", tags=["verification"])

_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "kid": "2026",
}


class JwkSet(AnswerModel):
    """A JWK set (RFC 7517 §5): Ed25519 keys, and keys on P-256."""

    keys: list[dict[str, Any]] = Field(examples=[[_JWK]])


@router.get(
    "/{slug}/jwks.json",
    summary="Read a carrier's attestation keys",
    responses=problems("not-found", "validation-failed", "database-unavailable"),
)
async def read_carrier_keys(
    context: Ctx, slug: SlugInPath, response: Response
) -> JwkSet:
    """Read the public keys that check a carrier's attestations.

    Needs no key. An attestation is checked as of its item's `created_at`: it lives for
    minutes, its item for days.
    """
    async with context.engine.connect() as db:
        carrier = await service.find(db, slug)
    if carrier is None:
        raise NotFound("no carrier is registered under this slug")
    response.headers["Cache-Control"] = "public, max-age=300"
    return JwkSet.model_validate(carrier.jwks or {"keys": []})
