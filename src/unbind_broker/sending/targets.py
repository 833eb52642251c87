"""What a lane must know of its endpoint, read again every second."""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from unbind_broker.base.ids import EndpointId, PlatformId
from unbind_broker.base.sealing import SealBroken
from unbind_broker.base.signing_keys import Secret, SigningKeyInvalid
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.secrets import EndpointSecrets
from unbind_broker.endpoints.states import Delivery, EndpointStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """Where to post for whom, how much at once, signed with what.

    ``platform_id`` is None for a carrier's endpoint, which gets notices and no items.

    ``reports_signed``: its owner wants no result to count that is not signed by it.

    ``slug`` names its owner; one that ``rehearses`` gets what is made up.

    ``sensitive``: for an order's carrier its items are finished once they are taken.

    ``secrets`` hold the present one and, until its grace ends, the previous one.
    """

    endpoint_id: EndpointId
    platform_id: PlatformId | None
    url: str
    max_batch: int
    max_concurrency: int
    max_rate: float | None
    reports_signed: bool
    slug: str
    secrets: tuple[Secret, ...] = field(repr=False)
    sensitive: bool = False
    rehearses: bool = False
    verified_at: datetime | None = None

    def is_another(self, other: "Target") -> bool:
        """Tell whether what is known of how ``other`` does says nothing about this.

        Who verifies an endpoint anew means that it is mended.
        """
        return (self.url, self.verified_at) != (other.url, other.verified_at)


def target_of(
    endpoint: Endpoint, secrets: EndpointSecrets, now: datetime
) -> Target | None:
    """Say where webhooks for this endpoint go at this moment; None: nowhere.

    Nor where its secret cannot be opened or used: that must hold up no other endpoint.
    """
    posts = (
        endpoint.delivery is Delivery.PUSH
        and endpoint.status is EndpointStatus.ACTIVE
        and endpoint.verified_at is not None
    )
    if not posts or endpoint.url is None:
        return None
    try:
        living = secrets.living(endpoint, now)
    except (SealBroken, SigningKeyInvalid) as broken:
        facts = {"endpoint_id": endpoint.id, "error": broken.detail}
        log.error("secret_not_opened", extra=facts)  # noqa: TRY400 - says it all
        return None
    if not living:
        return None
    return Target(
        endpoint_id=endpoint.id,
        platform_id=endpoint.platform_id,
        url=endpoint.url,
        max_batch=endpoint.max_batch,
        max_concurrency=endpoint.max_concurrency,
        max_rate=endpoint.max_rate,
        reports_signed=endpoint.result_public_key is not None,
        secrets=living,
        sensitive=endpoint.sensitive,
        slug=endpoint.owner_slug,
        rehearses=endpoint.rehearses,
        verified_at=endpoint.verified_at,
    )
