"""Platforms and carriers manage the endpoint that the broker posts to."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response

from unbind_broker.api.callers import EndpointOwner, owner_of
from unbind_broker.api.context import Ctx
from unbind_broker.api.endpoint_bodies import EndpointBody, RotationBody
from unbind_broker.api.endpoint_probes import (
    Probe,
    VerificationFailed,
    judge_challenge,
    name_silence,
    post_probe,
)
from unbind_broker.api.endpoint_shown import (
    EndpointShown,
    EndpointTold,
    TestOutcome,
    show_endpoint,
    tell_secret,
)
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, problems
from unbind_broker.api.taking_effect import until_in_force
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.ids import new_token
from unbind_broker.deliveries import attempts
from unbind_broker.deliveries.fetching import push_what_was_fetched
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.service import EndpointTools
from unbind_broker.endpoints.states import Delivery, PausedBy, url_to_verify
from unbind_broker.keys.service import Caller
from unbind_broker.sending.payloads import test_payload, verification_payload

router = APIRouter(prefix="/v1/endpoint", tags=["endpoint"])

_CHALLENGE_BYTES = 24

_MADE: dict[int | str, dict[str, Any]] = {
    200: {"description": "Replaced. `secret` only if there was none before."},
    201: {
        "description": "Registered, with its `secret` this once.",
        "model": EndpointTold,
    },
}


@router.get(
    "",
    summary="Read your endpoint",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_endpoint(context: Ctx, caller: EndpointOwner) -> EndpointShown:
    """Read where the broker posts to you, and whether it does."""
    async with context.engine.connect() as db:
        endpoint = await service.require(db, owner_of(caller))
    return show_endpoint(endpoint, EndpointShown)


@router.put(
    "",
    summary="Register or replace your endpoint",
    response_model_exclude_unset=True,
    responses={**_MADE, **problems(*ANY_BODY, "endpoint-url-refused")},
)
async def put_endpoint(
    context: Ctx, caller: EndpointOwner, body: EndpointBody, response: Response
) -> EndpointTold:
    """Say where and how you want to be reached; replaces everything chosen before.

    The first call answers 201 with the `secret`, this once: install it, then call
    `POST /v1/endpoint/verify`. A new URL goes to `pending_url` and is verified in the
    same way, while the old one keeps working with the same secret; so does fetching,
    when an endpoint of delivery `pull` gets a URL. `pull` needs no URL and is active at
    once. Limits are in force when this answers.
    """
    now, owner, tools = context.clock.now(), owner_of(caller), _tools(context)
    async with context.engine.begin() as db:
        made = await service.register(db, now, owner, body.choice, tools, caller.actor)
    await until_in_force(context, made.endpoint)
    response.status_code = 201 if made.is_new else 200
    response.headers["Cache-Control"] = "no-store"
    return tell_secret(made.endpoint, made.secret)


@router.post(
    "/verify",
    summary="Prove that the secret is installed",
    responses=problems(
        *ANY_CALL,
        "not-found",
        "endpoint-is-pull",
        "endpoint-changed",
        "verification-failed",
        "overloaded",
    ),
)
async def verify_endpoint(context: Ctx, caller: EndpointOwner) -> EndpointShown:
    """Have a signed `endpoint.verification` sent to your endpoint now.

    It must answer 200 with `{"challenge": "<data.challenge>"}` within 10 seconds. Then
    a `pending_url` is put to use, and an unverified or disabled endpoint is `active`; a
    paused one stays paused. Verifying an active endpoint again does no harm. When this
    answers, no request to the earlier URL is started any more.
    """
    owner = owner_of(caller)
    async with context.engine.connect() as db:
        endpoint = await service.require(db, owner)
    url, challenge = url_to_verify(endpoint), new_token(_CHALLENGE_BYTES)
    body = verification_payload(context.clock.now(), challenge)
    event = EventType.ENDPOINT_VERIFICATION
    probe = await post_probe(context, endpoint, url, event, body)
    fault = judge_challenge(probe.exchange, challenge)
    now = context.clock.now()
    async with context.engine.begin() as db:
        await attempts.append(db, [probe.attempt])
        if fault is not None:
            fact = _probed(caller, endpoint, probe, "verification_failed")
            await record(db, now, fact)
        else:
            before = await service.lock(db, owner)
            endpoint = await service.mark_verified(db, now, owner, url, caller.actor)
            if before.delivery is Delivery.PULL:
                await push_what_was_fetched(db, now, endpoint.id)
    if fault is not None:
        raise VerificationFailed(fault)
    await until_in_force(context, endpoint)
    return show_endpoint(endpoint, EndpointShown)


@router.post(
    "/test",
    summary="Have a test webhook sent",
    responses=problems(*ANY_CALL, "not-found", "endpoint-is-pull", "overloaded"),
)
async def test_endpoint(context: Ctx, caller: EndpointOwner) -> TestOutcome:
    """Have a signed `endpoint.test` sent to your endpoint now, and see what came of it.

    It goes to `url`, the one in use; a failure changes nothing.
    """
    async with context.engine.connect() as db:
        endpoint = await service.require(db, owner_of(caller))
    url = endpoint.url or url_to_verify(endpoint)
    body = test_payload(context.clock.now())
    probe = await post_probe(context, endpoint, url, EventType.ENDPOINT_TEST, body)
    async with context.engine.begin() as db:
        await attempts.append(db, [probe.attempt])
        fact = _probed(caller, endpoint, probe, "tested")
        await record(db, context.clock.now(), fact)
    return TestOutcome(
        webhook_id=probe.attempt.webhook_id,
        status_code=probe.exchange.outcome.status_code,
        milliseconds=probe.exchange.timings.total_ms,
        answer_head=probe.attempt.answer_head,
        error=name_silence(probe.exchange),
    )


@router.post(
    "/rotate-secret",
    summary="Change your secret",
    response_model_exclude_unset=True,
    responses=problems(*ANY_BODY, "not-found", "endpoint-is-pull"),
)
async def rotate_secret(
    context: Ctx,
    caller: EndpointOwner,
    response: Response,
    body: RotationBody | None = None,
) -> EndpointTold:
    """Make a new `secret` and tell it this once; the old one signs along for a grace.

    Meanwhile every webhook carries both signatures, so none is refused while you change
    over. A secret that is still in an earlier grace dies. When this answers, nothing is
    signed without the new secret any more, and with `grace_seconds` 0 nothing with the
    old one; only what was under way before may still arrive. What you refuse until the
    new one is installed is sent again later. The answer takes some tenths of a second;
    if a worker has died just now, as long as its lease.
    """
    grace = timedelta(seconds=(body or RotationBody()).grace_seconds)
    now, owner, tools = context.clock.now(), owner_of(caller), _tools(context)
    async with context.engine.begin() as db:
        made = await service.rotate_secret(db, now, owner, grace, tools, caller.actor)
    await until_in_force(context, made.endpoint)
    response.headers["Cache-Control"] = "no-store"
    return tell_secret(made.endpoint, made.secret)


_PAUSING = (
    "not-found",
    "endpoint-not-verified",
    "endpoint-disabled",
    "paused-by-other-side",
)


@router.post(
    "/pause",
    summary="Hold your items back",
    responses=problems(*ANY_CALL, *_PAUSING),
)
async def pause_endpoint(context: Ctx, caller: EndpointOwner) -> EndpointShown:
    """Have nothing sent until you resume; items wait until their own deadline.

    When this answers, no request is started any more; what was under way before may
    still arrive.
    """
    now, owner = context.clock.now(), owner_of(caller)
    async with context.engine.begin() as db:
        endpoint = await service.pause(db, now, owner, PausedBy.OWNER, caller.actor)
    await until_in_force(context, endpoint)
    return show_endpoint(endpoint, EndpointShown)


@router.post(
    "/resume",
    summary="Let your items go out again",
    responses=problems(*ANY_CALL, *_PAUSING),
)
async def resume_endpoint(context: Ctx, caller: EndpointOwner) -> EndpointShown:
    """Have everything that waited sent. Only for an endpoint that you have paused."""
    now, owner = context.clock.now(), owner_of(caller)
    async with context.engine.begin() as db:
        endpoint = await service.resume(db, now, owner, PausedBy.OWNER, caller.actor)
    return show_endpoint(endpoint, EndpointShown)


def _probed(caller: Caller, endpoint: Endpoint, probe: Probe, verb: str) -> Fact:
    facts = {
        "endpoint": endpoint.id,
        "owner": endpoint.owner_slug,
        "attempt": str(probe.attempt.id),
        "status": probe.exchange.outcome.status_code,
    }
    return Fact(caller.actor, f"endpoint.{verb}", facts=facts)


def _tools(context: Ctx) -> EndpointTools:
    secrets = EndpointSecrets(context.runtime.sealer)
    return EndpointTools(secrets, context.settings.url_policy)
