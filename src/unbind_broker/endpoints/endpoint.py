"""An endpoint as the other features see it."""

from dataclasses import dataclass, field
from datetime import datetime

from unbind_broker.base.ids import CarrierId, EndpointId, PlatformId
from unbind_broker.endpoints.health import Health
from unbind_broker.endpoints.states import Standing


@dataclass(frozen=True)
class Owner:
    """Whose endpoint it is: a platform's or a carrier's, never both."""

    slug: str
    platform_id: PlatformId | None = None
    carrier_id: CarrierId | None = None

    def __post_init__(self) -> None:
        if (self.platform_id is None) == (self.carrier_id is None):
            raise ValueError("expected either a platform or a carrier")

    @property
    def is_carrier(self) -> bool:
        """Tell carriers from platforms."""
        return self.carrier_id is not None


@dataclass(frozen=True)
class Endpoint(Standing):
    """Where an owner is reached, how much it takes, and what it is sent.

    ``sensitive``: the owner is a platform that must not be named to present holders.
    ``rehearses``: what is sent there is made up.
    ``version`` counts the changes, so that workers can tell which one they have heard.
    ``health`` is None before anything was sent, and after it was put to use anew.
    """

    id: EndpointId
    platform_id: PlatformId | None
    carrier_id: CarrierId | None
    owner_slug: str
    max_batch: int
    max_concurrency: int
    max_rate: float | None
    result_public_key: str | None
    event_types: tuple[str, ...] | None
    secret_sealed: bytes | None = field(repr=False)
    previous_secret_sealed: bytes | None = field(repr=False)
    previous_secret_until: datetime | None
    created_at: datetime
    changed_at: datetime
    version: int
    health: Health | None
    sensitive: bool
    rehearses: bool = False

    @property
    def owner(self) -> Owner:
        """Return whose endpoint it is."""
        return Owner(self.owner_slug, self.platform_id, self.carrier_id)
