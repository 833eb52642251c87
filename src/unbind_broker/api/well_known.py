"""The keys that check the broker's own statements, for anyone."""

from fastapi import APIRouter, Response
from pydantic import Field

from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel
from unbind_broker.api.problems import problems
from unbind_broker.audit.signing_keys import public_keys
from unbind_broker.base.broker_key import public_jwk

router = APIRouter(prefix="/.well-known", tags=["verification"])


class BrokerJwk(AnswerModel):
    """A public Ed25519 key (RFC 8037 §2)."""

    kty: str = Field(examples=["OKP"])
    crv: str = Field(examples=["Ed25519"])
    x: str = Field(examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])
    kid: str = Field(
        examples=["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"],
        description="The key's thumbprint (RFC 7638).",
    )
    use: str = Field(examples=["sig"])
    alg: str = Field(examples=["EdDSA"])


class BrokerKeys(AnswerModel):
    """A JWK set (RFC 7517 §5)."""

    keys: list[BrokerJwk] = Field(
        description="The present key first, then every other one that ever signed."
    )


@router.get(
    "/jwks.json",
    summary="Read the broker's signing keys",
    responses=problems("database-unavailable"),
)
async def read_broker_keys(context: Ctx, response: Response) -> BrokerKeys:
    """Read the public keys that check receipts and audit seals.

    Needs no key. Keys are never taken out: a receipt is checked by the key of its day.
    Whoever wants to check the broker keeps a copy, and compares.
    """
    present = context.runtime.broker_key
    async with context.engine.connect() as db:
        kept = await public_keys(db)
    response.headers["Cache-Control"] = "public, max-age=300"
    whole = {present.key_id: present.public, **kept}
    keys = [BrokerJwk.model_validate(public_jwk(raw)) for raw in whole.values()]
    return BrokerKeys(keys=keys)
