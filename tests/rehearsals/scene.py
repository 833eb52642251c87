"""A carrier's twin asks made-up platforms, which answer step by step."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from tests.support.builders import PAST, a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import an_order, asked
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, PlatformId
from unbind_broker.base.magic_numbers import BLOCKS, NOTHING, OWNER_SINCE
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.callbacks.braking import BrakePolicy
from unbind_broker.callbacks.results import Applied, Applying
from unbind_broker.carriers.service import Carrier
from unbind_broker.carriers.twins import find_or_make_twin
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderKind, Scope
from unbind_broker.platforms.rehearsed import ensure_rehearsed
from unbind_broker.rehearsals.answering import AnsweringTools, answer, tell_due
from unbind_broker.rehearsals.made_up import load_made_up

APPLYING = Applying(WorkingTime(5, ZoneInfo("Asia/Shanghai")), BrakePolicy(0.02, 5))
TOOLS = AnsweringTools(SEALER, APPLYING, timedelta(days=40))
NAMED = {block.name: block for block in (*BLOCKS, NOTHING)}
SOON = NOON + timedelta(seconds=3)
CHAT = "sandbox-chat"


async def a_twin(db: Db, slug: str = "china-mobile") -> Carrier:
    """The twin of a new carrier, once the made-up platforms are there."""
    carrier = await a_carrier(db, slug)
    twin = await find_or_make_twin(db, NOON, carrier.id, PAST)
    await ensure_rehearsed(db, NOON, PAST)
    return replace(carrier, id=twin, slug=f"{slug}.sandbox", sandbox_of=carrier.id)


@dataclass
class Scene:
    """One twin and what it asks of one platform."""

    db: Db
    twin: Carrier

    async def ask(
        self,
        name: str,
        kind: OrderKind = OrderKind.UNBIND,
        *,
        copy: int = 0,
        platforms: tuple[str, ...] | None = (CHAT,),
        scope: Scope = Scope.PREVIOUS_OWNER,
    ) -> OrderId:
        """Ask about a number of a block."""
        wanted = asked(
            kind,
            number=NAMED[name].number(copy),
            owner_since=OWNER_SINCE,
            platforms=platforms,
            scope=scope,
        )
        return await an_order(self.db, self.twin, wanted)

    async def take(self, now: datetime = NOON, limit: int = 100) -> int:
        """Let what waits be taken."""
        made_up = await load_made_up(self.db)
        return (await answer(self.db, now, made_up, TOOLS, limit)).items

    async def tell(self, now: datetime, limit: int = 100) -> Applied:
        """Let what is due be told."""
        return (await tell_due(self.db, now, TOOLS, limit)).applied

    async def stand(self, order_id: OrderId) -> tuple[str, str | None, bool]:
        """How the order's one item stands: status, reason, whether it came late."""
        found = await self.db.execute(
            select(items.c.status, items.c.reason, items.c.late).where(
                items.c.order_id == order_id
            )
        )
        row = found.one()
        return row.status.value, row.reason and row.reason.value, row.late

    async def statuses(self, order_id: OrderId) -> Counter[str]:
        """How many of its items stand where."""
        found = select(items.c.status).where(items.c.order_id == order_id)
        return Counter(one.value for one in (await self.db.execute(found)).scalars())

    async def platform(self, slug: str) -> PlatformId:
        """The id of a made-up platform."""
        made_up = await load_made_up(self.db)
        return next(one.platform for one in made_up if one.slug == slug)
