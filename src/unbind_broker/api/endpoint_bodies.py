"""What owners say about the endpoint they want."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from unbind_broker.api.fields import Lax, RequestModel
from unbind_broker.base.network_guard import MAX_URL_LENGTH
from unbind_broker.endpoints.choice import (
    HIGHEST_RATE,
    LONGEST_GRACE,
    LOWEST_RATE,
    MAX_BATCH,
    MAX_CONCURRENCY,
    EndpointChoice,
)
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery

_ONE_DAY = 86_400
_EXAMPLE: JsonDict = {
    "url": "https://hooks.weibo.com/unbind",
    "delivery": "push",
    "max_batch": 50,
    "max_concurrency": 4,
    "max_rate": None,
    "result_public_key": None,
    "event_types": None,
}


class EndpointBody(RequestModel):
    """How the owner wants to be reached. Replaces everything chosen before."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    url: str | None = Field(
        default=None,
        max_length=MAX_URL_LENGTH,
        examples=["https://hooks.weibo.com/unbind"],
        description="https, a public host name. Needed for `push`, none for `pull`.",
    )
    delivery: Annotated[Delivery, Lax] = Field(
        default=Delivery.PUSH,
        description="`push`: the broker posts to `url`. `pull`: the owner fetches.",
    )
    max_batch: int = Field(
        default=50,
        ge=MAX_BATCH.start,
        le=MAX_BATCH.stop - 1,
        description="Items in one request.",
    )
    max_concurrency: int = Field(
        default=4,
        ge=MAX_CONCURRENCY.start,
        le=MAX_CONCURRENCY.stop - 1,
        description="Requests under way at once.",
    )
    max_rate: float | None = Field(
        default=None,
        ge=LOWEST_RATE,
        le=HIGHEST_RATE,
        allow_inf_nan=False,
        description="Requests per second; null: no limit.",
    )
    result_public_key: str | None = Field(
        default=None,
        max_length=100,
        examples=["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="],
        description="Platforms: an Ed25519 public key. From then on reports must carry "
        "Standard Webhooks headers signed `v1a` with it. null: reports are not signed.",
    )
    event_types: list[Annotated[EventType, Lax]] | None = Field(
        default=None,
        max_length=50,
        examples=[None],
        description="Which notices to send; null: all that concern the owner. Requests "
        "about items, `unbind.cancelled` and the endpoint's own webhooks come whatever "
        "is chosen; what a carrier does not want is still in `GET /v1/events`.",
    )

    @property
    def choice(self) -> EndpointChoice:
        """Hand it to the feature."""
        chosen = self.event_types
        return EndpointChoice(
            url=self.url,
            delivery=self.delivery,
            max_batch=self.max_batch,
            max_concurrency=self.max_concurrency,
            max_rate=self.max_rate,
            result_public_key=self.result_public_key,
            event_types=None if chosen is None else tuple(chosen),
        )


class RotationBody(RequestModel):
    """How long the old secret signs along."""

    grace_seconds: int = Field(
        default=_ONE_DAY,
        ge=0,
        le=int(LONGEST_GRACE.total_seconds()),
        description="Meanwhile every webhook carries both signatures. 0 for a secret "
        "that leaked: it is dead at once.",
    )
