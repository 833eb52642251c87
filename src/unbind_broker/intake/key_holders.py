"""Find whom a key that is asked for shall speak for."""

from dataclasses import dataclass
from datetime import datetime

from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.carriers import service as carriers
from unbind_broker.intake.rehearsing import open_sandbox
from unbind_broker.keys.service import Holder
from unbind_broker.keys.tables import Role
from unbind_broker.platforms import service as platforms
from unbind_broker.platforms.rehearsed import refuse_made_up


@dataclass(frozen=True)
class Wanted:
    """Whose key it shall be; ``sandbox`` for rehearsals of the carrier."""

    role: Role
    carrier: str | None = None
    platform: str | None = None
    sandbox: bool = False


async def find_holder(db: Db, now: datetime, wanted: Wanted, actor: str) -> Holder:
    """Find the holder; exactly that party must be named, else ``InvalidFields``.

    The first key for rehearsals opens the sandbox of its carrier.
    """
    _check_named(wanted)
    if wanted.carrier is not None:
        carrier = await carriers.find(db, wanted.carrier)
        if carrier is None:
            raise InvalidFields.at("/carrier", "this carrier is not registered")
        if not wanted.sandbox:
            return Holder(wanted.role, carrier_id=carrier.id)
        twin = await open_sandbox(db, now, carrier.id, actor)
        return Holder(wanted.role, carrier_id=twin)
    if wanted.platform is not None:
        platform = await platforms.find(db, wanted.platform)
        if platform is None:
            raise InvalidFields.at("/platform", "this platform is not registered")
        refuse_made_up(platform)
        return Holder(wanted.role, platform_id=platform.id)
    return Holder(wanted.role)


def _check_named(wanted: Wanted) -> None:
    named = (("carrier", wanted.carrier), ("platform", wanted.platform))
    for role, slug in named:
        if wanted.role == role and slug is None:
            raise InvalidFields.at(f"/{role}", f"a key of role {role} needs this")
        if wanted.role != role and slug is not None:
            raise InvalidFields.at(f"/{role}", f"a key of role {wanted.role} has none")
    if wanted.sandbox and wanted.role is not Role.CARRIER:
        raise InvalidFields.at("/sandbox", "only keys of role carrier rehearse")
