"""The past that the registry's routes are tried on."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_carrier, a_key, a_platform
from unbind_broker.keys.tables import Role

Headers = dict[str, str]


@dataclass(frozen=True)
class Parties:
    """The headers that the keys of each party are sent in."""

    admin: Headers
    auditor: Headers
    mobile: Headers
    weibo: Headers


async def the_parties(engine: AsyncEngine) -> Parties:
    """One carrier, ``china-mobile``, and one platform, ``weibo``, both with a key."""
    async with engine.begin() as db:
        return Parties(
            admin=bearer(await a_key(db, Role.ADMIN, "admin")),
            auditor=bearer(await a_key(db, Role.AUDITOR, "auditor")),
            mobile=bearer(await a_key(db, await a_carrier(db), "mobile")),
            weibo=bearer(await a_key(db, await a_platform(db), "weibo")),
        )
