"""On what terms a carrier's requests are taken at this moment."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import bindparam, exists, or_, select

from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import CarrierId
from unbind_broker.carriers.jwks import Jwks
from unbind_broker.carriers.tables import brakes, carriers


class UnbindingBraked(BrokerError):
    """Nothing may be unbound for this carrier at present."""

    code: ClassVar[str] = "unbinding-braked"
    title: ClassVar[str] = "Unbinding is stopped"


@dataclass(frozen=True)
class Standing:
    """Its keys, whether each request must be signed by one, whether a brake is on."""

    id: CarrierId
    slug: str
    jwks: Jwks | None
    attestation_required: bool
    braked: bool

    def require_free(self) -> None:
        """Raise ``UnbindingBraked`` if this carrier's unbinding is stopped.

        What commits while the brake engages is held by the worker's clock.
        """
        if self.braked:
            raise UnbindingBraked(
                "no unbind orders are taken until an administrator releases the brake, "
                "and no clearances are published; queries and restore orders go on"
            )


async def read_standing(db: Db, carrier_id: CarrierId) -> Standing:
    """Read all that decides whether a carrier's request is taken, in one go."""
    found = await db.execute(STANDING, {"carrier": carrier_id})
    return Standing(*found.one())


_BRAKED = exists().where(
    brakes.c.released_at.is_(None),
    or_(brakes.c.carrier_id.is_(None), brakes.c.carrier_id == carriers.c.id),
)
STANDING = select(
    carriers.c.id,
    carriers.c.slug,
    carriers.c.jwks,
    carriers.c.attestation_required,
    _BRAKED,
).where(carriers.c.id == bindparam("carrier"))
"""The columns of a ``Standing``; its parameter is the ``carrier``."""
