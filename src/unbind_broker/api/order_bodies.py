"""What carriers send to have something queried or unbound."""

from typing import Annotated

from fastapi import Body
from fastapi.openapi.models import Example
from pydantic import Field, StringConstraints

from unbind_broker.api.fields import PRINTABLE, Day, Instant, Lax, RequestModel
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import OrderId, Prefix, parse_id
from unbind_broker.base.numbers import InvalidNumber, PhoneNumber, parse_number
from unbind_broker.intake.asked import AfterQuery, Asked, Consent, OwnWords
from unbind_broker.intake.attestation import LONGEST as LONGEST_ATTESTATION
from unbind_broker.intake.refusals import QueryUnknown
from unbind_broker.orders.idempotency import Repeatable
from unbind_broker.orders.states import Action, ConsentMethod, OrderKind, Scope

MOST_PLATFORMS = 1000

Number = Annotated[
    str,
    StringConstraints(max_length=40),
    Field(
        examples=["+8613800001234"],
        description="A mobile number, in E.164 or in national form.",
    ),
]
NumberLeftOut = Annotated[str | None, Field(examples=["+8613800001234"], max_length=40)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=64), PRINTABLE]
PlatformSlugs = Annotated[
    list[Annotated[str, StringConstraints(max_length=64), PRINTABLE]],
    Field(max_length=MOST_PLATFORMS),
]

Attestation = Annotated[
    str,
    StringConstraints(max_length=LONGEST_ATTESTATION, pattern=r"^[A-Za-z0-9._-]+$"),
]

_OWNER_SINCE = (
    "The first day on which the present holder held the number, at any carrier."
)
_PORTED_IN_ON = "The day on which the number was ported in, if it was."
_PLATFORMS = "Slugs; left out: all active platforms with a verified endpoint."


class ConsentBody(RequestModel):
    """How and when the holder was authenticated."""

    method: Annotated[ConsentMethod, Lax] = Field(examples=["sms_otp"])
    at: Instant = Field(description="At most 24 hours ago, and not in the future.")


class AskedBody(RequestModel):
    """What queries and orders have in common."""

    consent: ConsentBody
    reference: Reference | None = Field(
        default=None,
        examples=["R-20261121-000017"],
        description="Your own id, echoed everywhere; must not hold the number.",
    )
    ported_in_on: Day | None = Field(
        default=None, examples=["2025-06-01"], description=_PORTED_IN_ON
    )
    recheck: bool = Field(
        default=False,
        description="Ask platforms again even where an equal item is open, or was "
        "answered within 30 days, and would be joined, or where you asked the same "
        "query minutes ago. Disputes the earlier result.",
    )
    attestation: Attestation | None = Field(
        default=None,
        examples=[
            "eyJhbGciOiJFZERTQSIsImtpZCI6IjIwMjYifQ.eyJpc3MiOiJjaGluYS1tb2JpbGUifQ.c2ln"
        ],
        description="A compact JWS (EdDSA or ES256) by a key of your registered JWK "
        "set over exactly `{iss, sub, owner_since, scope, iat, exp, jti}`: your slug, "
        "the number in E.164, the rest as in the request; `exp` at most 10 minutes "
        "after `iat`, each `jti` once. Platforms get it as it is.",
    )


class QueryBody(AskedBody):
    """Have platforms asked which bindings exist."""

    number: Number
    owner_since: Day = Field(description=_OWNER_SINCE)
    scope: Annotated[Scope, Lax] = Field(
        default=Scope.PREVIOUS_OWNER,
        description="Bindings made before `owner_since` (`previous_owner`), or since.",
    )
    platforms: PlatformSlugs | None = Field(
        default=None, examples=[["weibo", "taobao"]], description=_PLATFORMS
    )


class OrderBody(AskedBody):
    """Have bindings detached: of a number, or of what a query found."""

    number: NumberLeftOut = Field(
        default=None, description="Required, unless there is a `query_id`."
    )
    owner_since: Day | None = Field(
        default=None,
        description=f"{_OWNER_SINCE} Required, unless there is a `query_id`.",
    )
    scope: Annotated[Scope, Lax] | None = Field(
        default=None, description="Left out: `previous_owner`."
    )
    platforms: PlatformSlugs | None = Field(
        default=None,
        examples=[["weibo", "taobao"]],
        description=f"{_PLATFORMS} Required in scope `current_owner`.",
    )
    action: Annotated[Action, Lax] = Field(
        default=Action.DETACH,
        description="`close_account` only in scope `current_owner`, at platforms that "
        "offer it.",
    )
    query_id: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None,
        examples=["qry_01kb2x5c7zf3v8h1m4n6p9q2rs"],
        description="Instead of `number`, `owner_since`, `scope` and `platforms`: a "
        "query of your own. The order goes to the platforms that it found `bound` so "
        "far, and to every sensitive one that it asked, whatever that one answered.",
    )


class SearchBody(RequestModel):
    """Whose orders to find."""

    number: Number


def _example(summary: str, **fields: object) -> Example:
    consent = {"method": "sms_otp", "at": "2026-11-21T08:00:00Z"}
    return {"summary": summary, "value": {**fields, "consent": consent}}


_HOLDER = {"number": "+8613800001234", "owner_since": "2025-03-01"}
QueryInBody = Annotated[
    QueryBody,
    Body(
        openapi_examples={
            "all": _example("Ask every platform about the former holder", **_HOLDER),
            "some": _example(
                "Ask two platforms about the holder's own bindings",
                **_HOLDER,
                scope="current_owner",
                platforms=["weibo", "taobao"],
            ),
        }
    ),
]
OrderInBody = Annotated[
    OrderBody,
    Body(
        openapi_examples={
            "all": _example("Detach what a former holder bound", **_HOLDER),
            "query": _example(
                "Act on what a query found", query_id="qry_01kb2x5c7zf3v8h1m4n6p9q2rs"
            ),
            "close": _example(
                "Close the holder's own account",
                **_HOLDER,
                scope="current_owner",
                platforms=["taobao"],
                action="close_account",
                reference="R-20261121-000017",
            ),
        }
    ),
]


def asked_query(body: QueryBody, region: str, repeatable: Repeatable | None) -> Asked:
    """Read a query; raises ``InvalidFields``."""
    platforms = None if body.platforms is None else tuple(body.platforms)
    number = read_number(body.number, region)
    return Asked(
        kind=OrderKind.QUERY,
        about=OwnWords(number, body.owner_since, body.scope, platforms),
        consent=Consent(body.consent.method, body.consent.at),
        ported_in_on=body.ported_in_on,
        reference=body.reference,
        recheck=body.recheck,
        attestation=body.attestation,
        repeatable=repeatable,
    )


def asked_order(body: OrderBody, region: str, repeatable: Repeatable | None) -> Asked:
    """Read an order; raises ``InvalidFields`` or ``QueryUnknown``."""
    return Asked(
        kind=OrderKind.UNBIND,
        about=_own_words(body, region) if body.query_id is None else _after(body),
        consent=Consent(body.consent.method, body.consent.at),
        action=body.action,
        ported_in_on=body.ported_in_on,
        reference=body.reference,
        recheck=body.recheck,
        attestation=body.attestation,
        repeatable=repeatable,
    )


def read_number(text: str, region: str) -> PhoneNumber:
    """Read a number; raises ``InvalidFields`` that do not repeat it."""
    try:
        return parse_number(text, region)
    except InvalidNumber as invalid:
        fault = invalid.detail
    InvalidFields.check({"/number": fault})
    raise AssertionError("a fault was found, so the check raised")


def _own_words(body: OrderBody, region: str) -> OwnWords:
    if body.number is None or body.owner_since is None:
        missing = "this field is required, unless there is a query_id"
        InvalidFields.check(
            {
                "/number": missing if body.number is None else None,
                "/owner_since": missing if body.owner_since is None else None,
            }
        )
        raise AssertionError("a field is missing, so the check raised")
    return OwnWords(
        number=read_number(body.number, region),
        owner_since=body.owner_since,
        scope=body.scope or Scope.PREVIOUS_OWNER,
        platforms=None if body.platforms is None else tuple(body.platforms),
    )


def _after(body: OrderBody) -> AfterQuery:
    InvalidFields.check(
        {
            f"/{name}": "the query says it already; leave it out"
            for name in ("number", "owner_since", "scope", "platforms")
            if getattr(body, name) is not None
        }
    )
    query_id = parse_id(body.query_id or "", Prefix.QUERY)
    if query_id is None:
        raise QueryUnknown
    return AfterQuery(OrderId(query_id))
