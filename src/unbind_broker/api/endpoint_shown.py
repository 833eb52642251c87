"""An endpoint as its owner and the administrators see it."""

from typing import TypeVar

from pydantic import Field

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.base.signing_keys import Secret
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.health import Condition
from unbind_broker.endpoints.states import Delivery, EndpointStatus, PausedBy


class HealthShown(AnswerModel):
    """How an endpoint takes what it is sent."""

    condition: Condition = Field(
        examples=["healthy"],
        description="`degraded`: fails often, or has just come back: less is sent at "
        "once. `open`: nothing is sent until `open_until`, then one request tries.",
    )
    since: ShownInstant
    open_until: ShownInstant | None = Field(examples=[None])
    last_success_at: ShownInstant | None = Field(
        description="To the minute: the last request that was taken."
    )
    failing_since: ShownInstant | None = Field(
        examples=[None],
        description="The first failure since then. Five days later the endpoint is "
        "disabled, if at least 20 requests have failed.",
    )
    failures: int = Field(examples=[0], description="Failed requests since then.")
    last_error: str | None = Field(examples=[None])


class EndpointShown(AnswerModel):
    """Where the broker posts, how much at once, and whether it does."""

    status: EndpointStatus = Field(
        examples=["active"],
        description="`unverified`: nothing is sent. `paused`, `disabled`: items wait "
        "until their own deadline.",
    )
    delivery: Delivery = Field(examples=["push"])
    url: str | None = Field(examples=["https://hooks.weibo.com/unbind"])
    pending_url: str | None = Field(
        examples=[None],
        description="A new URL that waits to be verified, while `url` (or fetching, "
        "for `delivery` `pull`) goes on.",
    )
    max_batch: int = Field(examples=[50])
    max_concurrency: int = Field(examples=[4])
    max_rate: float | None = Field(
        examples=[None], description="Requests per second; null: no limit."
    )
    result_public_key: str | None = Field(
        examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
        description="Reports must carry `v1a` signatures of this key; null: none.",
    )
    event_types: list[str] | None = Field(examples=[None], description="null: all.")
    paused_by: PausedBy | None = Field(
        examples=[None], description="Only this side resumes it."
    )
    disabled_reason: str | None = Field(examples=[None])
    health: HealthShown | None = Field(
        description="null: nothing is known yet, or its items are fetched. Of a "
        "disabled endpoint: how it was when that happened."
    )
    verified_at: ShownInstant | None
    previous_secret_until: ShownInstant | None = Field(
        description="Until then the secret before the present one signs along."
    )
    created_at: ShownInstant
    changed_at: ShownInstant


class EndpointTold(EndpointShown):
    """An endpoint, with its secret if one was made just now."""

    secret: str | None = Field(
        default=None,
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        description="Present only in the answer to the call that made it: the first "
        "registration of a URL, and each rotation. Install it; it is not told again.",
    )


class TestOutcome(AnswerModel):
    """What came of a test webhook."""

    webhook_id: str = Field(examples=["msg_2Yh3mJ8QvXk2"])
    status_code: int | None = Field(
        examples=[200], description="null: there was no answer."
    )
    milliseconds: int = Field(examples=[38])
    answer_head: str | None = Field(
        examples=["ok"],
        description="The first characters of the answer, longer runs of digits masked.",
    )
    error: str | None = Field(
        examples=[None], description="Why there was no answer, in a few words."
    )


AnyShown = TypeVar("AnyShown", bound=EndpointShown)


def show_endpoint(
    endpoint: Endpoint, model: type[AnyShown], **more: object
) -> AnyShown:
    """Show what an endpoint's owner may know: everything but sealed secrets."""
    chosen = endpoint.event_types
    shown = {
        "status": endpoint.status,
        "delivery": endpoint.delivery,
        "url": endpoint.url,
        "pending_url": endpoint.pending_url,
        "max_batch": endpoint.max_batch,
        "max_concurrency": endpoint.max_concurrency,
        "max_rate": endpoint.max_rate,
        "result_public_key": endpoint.result_public_key,
        "event_types": None if chosen is None else list(chosen),
        "paused_by": endpoint.paused_by,
        "disabled_reason": endpoint.disabled_reason,
        "health": _health(endpoint),
        "verified_at": endpoint.verified_at,
        "previous_secret_until": endpoint.previous_secret_until,
        "created_at": endpoint.created_at,
        "changed_at": endpoint.changed_at,
    }
    return model.model_validate({**shown, **more})


def tell_secret(endpoint: Endpoint, secret: Secret | None) -> EndpointTold:
    """Show an endpoint, and its secret this once if one was made."""
    if secret is None:
        return show_endpoint(endpoint, EndpointTold)
    return show_endpoint(endpoint, EndpointTold, secret=secret.text)


def _health(endpoint: Endpoint) -> dict[str, object] | None:
    """Give what is known; what was posted before says nothing of who fetches now."""
    if endpoint.health is None or endpoint.delivery is Delivery.PULL:
        return None
    return vars(endpoint.health)
