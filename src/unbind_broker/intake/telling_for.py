"""An administrator tells in a carrier's name what it should have told of a number."""

from dataclasses import dataclass
from datetime import datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.service import ListedHolding, list_holdings
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.holding_feed import take_lines
from unbind_broker.intake.holding_lines import HoldingLine, LineOutcome
from unbind_broker.intake.place_order import IntakeTools


@dataclass(frozen=True)
class Untold:
    """What a carrier kept silent about; ``carrier`` is its slug."""

    carrier_id: CarrierId
    carrier: str
    line: HoldingLine


@dataclass(frozen=True)
class ToldFor:
    """What became of it, and all that is known of the number since."""

    outcome: LineOutcome
    holdings: list[ListedHolding]


async def tell_for(
    db: Db, now: datetime, untold: Untold, actor: str, reason: str, tools: IntakeTools
) -> ToldFor:
    """Judge a line as if its carrier had told it, and write down who did and why."""
    line, carrier = untold.line, AskingCarrier(untold.carrier_id, actor)
    (outcome,) = await take_lines(db, now, [line], carrier, tools)
    index = tools.blind_index.index(line.number)
    facts = {
        "carrier": untold.carrier,
        "event": line.event.value,
        "on": line.on.isoformat(),
        "reason": reason,
        "status": outcome.status.value,
        "code": outcome.code,
    }
    await record(
        db, now, Fact(actor, "holding.told_for", number_index=index, facts=facts)
    )
    return ToldFor(outcome, await list_holdings(db, index))
