"""Check a carrier's signed word about who holds a number since when.

An attestation is a compact JWS (RFC 7515 §3.1) by a key of the carrier's registered
set. It says the same as the request, lives ten minutes at most, and counts once.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jwt import InvalidTokenError, PyJWS, get_unverified_header
from sqlalchemy.dialects.postgresql import insert

from unbind_broker.base.database import Db
from unbind_broker.base.errors import FieldError
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.carriers.jwks import AttestationKey, Jwks, find_key
from unbind_broker.carriers.standing import Standing
from unbind_broker.carriers.tables import attestations_used, real_slug
from unbind_broker.intake.refusals import (
    AttestationInvalid,
    AttestationReplayed,
    AttestationRequired,
)
from unbind_broker.intake.rules import CLOCK_SKEW
from unbind_broker.orders.states import Scope

LONGEST = 4096
"""Characters of an attestation."""

LIFETIME = timedelta(minutes=10)
_HEADER = frozenset({"alg", "kid", "typ"})
_CLAIMS = frozenset({"iss", "sub", "owner_since", "scope", "iat", "exp", "jti"})
_JTI = re.compile(r"[ -~]{1,255}", re.ASCII)


@dataclass(frozen=True)
class Attested:
    """What a request says, and its attestation must say too."""

    number: PhoneNumber
    owner_since: date
    scope: Scope


async def check_attestation(
    db: Db,
    now: datetime,
    token: str | None,
    said: Attested,
    carrier: Standing,
    index: BlindIndex,
) -> None:
    """Check the attestation of a request, and use it up.

    Its ``jti`` is kept as a keyed digest: carriers choose it, and might put a number
    into it. Raises ``AttestationRequired``, ``AttestationInvalid`` or
    ``AttestationReplayed``; none repeats what the attestation holds.
    """
    if token is None:
        if carrier.attestation_required:
            raise AttestationRequired(*_at("this carrier's requests need one"))
        return
    claims = _verified(token, carrier.jwks)
    expires = _check_claims(claims, said, real_slug(carrier.slug), now)
    jti = index.fingerprint(b"jti\n" + claims["jti"].encode()).hex()
    statement = (
        insert(attestations_used)
        .values(carrier_id=carrier.id, jti=jti, expires_at=expires)
        .on_conflict_do_nothing()
    )
    if not (await db.execute(statement)).rowcount:
        raise AttestationReplayed(*_at("this jti was used before; sign a new one"))


def _verified(token: str, jwks: Jwks | None) -> Mapping[str, Any]:
    """Check header and signature, then read the claims."""
    algorithm, key = _key_named(token, jwks)
    try:
        payload = PyJWS().decode(token, key, algorithms=[algorithm])
        claims = json.loads(payload, object_pairs_hook=_no_twins)
    except InvalidTokenError:
        raise _invalid("the signature does not verify") from None
    except (ValueError, RecursionError):
        raise _invalid("expected claims as JSON, each once") from None
    if not isinstance(claims, dict) or claims.keys() != _CLAIMS:
        raise _invalid(f"expected exactly the claims {', '.join(sorted(_CLAIMS))}")
    return claims


def _key_named(token: str, jwks: Jwks | None) -> tuple[str, AttestationKey]:
    """Find the registered key that the header names, by the algorithm of the key."""
    try:
        header = get_unverified_header(token)
    except (InvalidTokenError, RecursionError):
        raise _invalid("expected a compact JWS") from None
    if header.keys() - _HEADER:
        raise _invalid(f"expected no header members but {', '.join(sorted(_HEADER))}")
    found = None if jwks is None else find_key(jwks, header.get("kid"))
    if found is None:
        raise _invalid("kid names none of the carrier's registered keys")
    if header.get("alg") != found[0]:
        raise _invalid(f"expected alg {found[0]}, as the key that kid names")
    return found


def _check_claims(
    claims: Mapping[str, Any], said: Attested, slug: str, now: datetime
) -> datetime:
    """Compare the claims with the request; return when the attestation expires."""
    expected = {
        "iss": slug,
        "sub": said.number.e164,
        "owner_since": said.owner_since.isoformat(),
        "scope": said.scope.value,
    }
    for name, value in expected.items():
        if claims[name] != value:
            raise _invalid(f"{name} is not what the request says")
    jti = claims["jti"]
    if not isinstance(jti, str) or not _JTI.fullmatch(jti):
        raise _invalid("expected a jti of 1 to 255 printable ASCII characters")
    issued, expires = _instant(claims["iat"]), _instant(claims["exp"])
    if issued > now + CLOCK_SKEW:
        raise _invalid("iat is in the future")
    if not issued < expires <= issued + LIFETIME:
        raise _invalid("expected exp behind iat, by 10 minutes at most")
    if expires <= now:
        raise _invalid("it has expired")
    return expires


def _instant(value: object) -> datetime:
    """Read a NumericDate (RFC 7519 §2)."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        pass
    raise _invalid("expected iat and exp in seconds since 1970")


def _no_twins(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member comes twice")
    return found


def _invalid(detail: str) -> AttestationInvalid:
    return AttestationInvalid(*_at(detail))


def _at(detail: str) -> tuple[str, tuple[FieldError, ...]]:
    return f"attestation: {detail}", (FieldError("/attestation", detail),)
