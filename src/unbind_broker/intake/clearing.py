"""A carrier has numbers cleared before they are sold again (批量焕新)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import FieldError, InvalidFields
from unbind_broker.base.ids import Prefix, format_id, new_uuid7
from unbind_broker.base.numbers import holds_number
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.carriers.standing import read_standing
from unbind_broker.clearances import service
from unbind_broker.clearances.publishing import (
    Plan,
    Sought,
    plan_waves,
    publish_wave,
    refuse_all_held,
)
from unbind_broker.clearances.service import Clearance
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.withdrawing import withdraw
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.intake.refusals import NoPlatforms


@dataclass(frozen=True)
class ClearingPolicy:
    """The settings that publishing goes by."""

    working_time: WorkingTime
    first_wave: int
    pause: timedelta
    freeze: timedelta


async def begin(
    db: Db, now: datetime, carrier: AskingCarrier, reference: str | None, most: int
) -> UUID:
    """Begin a draft of a carrier that may have ``most`` clearances open.

    Raises ``InvalidFields`` where the reference holds a number, and
    ``TooManyOpenClearances``.
    """
    if holds_number(reference or ""):
        wrong = "expected a reference that does not hold a phone number"
        raise InvalidFields((FieldError("/reference", wrong),))
    await service.require_room(db, carrier.id, most)
    clearance_id = new_uuid7(now)
    await service.add_draft(db, now, clearance_id, carrier.id, reference)
    await record(db, now, _fact(clearance_id, carrier, "clearance.created"))
    return clearance_id


async def publish(
    db: Db,
    now: datetime,
    clearance: Clearance,
    carrier: AskingCarrier,
    policy: ClearingPolicy,
) -> None:
    """Let platforms see a draft, its first numbers at once; once published it stays.

    ``clearance`` is locked. Raises ``UnbindingBraked``, ``ClearanceEmpty``,
    ``NoPlatforms``; then the caller's transaction must not commit.
    """
    if clearance.status is not ClearanceStatus.DRAFT:
        return
    (await read_standing(db, carrier.id)).require_free()
    sought = Sought(clearance.id, carrier.id, now - policy.freeze)
    refused = await refuse_all_held(db, now, sought)
    deadline = policy.working_time.deadline(now).at
    plan = Plan(deadline, policy.first_wave, policy.pause)
    waves = await plan_waves(db, now, clearance, plan)
    platforms = await publish_wave(db, now, waves[0])
    if not platforms:
        raise NoPlatforms("no platform is active with a verified endpoint")
    facts = {
        "numbers": sum(wave.numbers for wave in waves),
        "refused": refused,
        "first_wave": waves[0].numbers,
        "platforms": platforms,
    }
    await record(db, now, _fact(clearance.id, carrier, "clearance.published", facts))


async def take_out(
    db: Db,
    now: datetime,
    clearance: Clearance,
    indexes: Sequence[bytes],
    carrier: AskingCarrier,
) -> list[str]:
    """Withdraw numbers, and say of each ``withdrawn``, ``duplicate`` or ``unknown``."""
    done = await withdraw(db, now, clearance.id, set(indexes))
    facts = [withdrawn_fact(clearance.id, index, carrier) for index in sorted(done.now)]
    counts = {"asked": len(indexes), "withdrawn": len(done.now)}
    whole = _fact(clearance.id, carrier, "clearance.withdrawal", counts)
    await record(db, now, *facts, whole)
    fresh, known = set(done.now), {*done.now, *done.before}
    return [_status(index, fresh, known) for index in indexes]


def withdrawn_fact(
    clearance_id: UUID, number_index: bytes, carrier: AskingCarrier
) -> Fact:
    """Say that a number was taken out, under its blind index."""
    return _fact(
        clearance_id, carrier, "clearance.withdrawn", number_index=number_index
    )


def _status(index: bytes, fresh: set[bytes], known: Collection[bytes]) -> str:
    if index in fresh:
        fresh.remove(index)  # named twice, it counts once
        return "withdrawn"
    return "duplicate" if index in known else "unknown"


def _fact(
    clearance_id: UUID,
    carrier: AskingCarrier,
    action: str,
    facts: Mapping[str, object] | None = None,
    *,
    number_index: bytes | None = None,
) -> Fact:
    shown = {"clearance": format_id(Prefix.CLEARANCE, clearance_id), **(facts or {})}
    return Fact(carrier.actor, action, number_index=number_index, facts=shown)
