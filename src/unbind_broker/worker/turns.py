"""Let one worker at a time do each of the steps that time brings."""

from enum import IntEnum

from unbind_broker.base.database import BIG, Db, sql

# The advisory locks of the steps: "clk" and a number each.
_LOCKS = 0x636C6B00
_TRY = sql("SELECT pg_try_advisory_xact_lock(:key)", key=BIG)


class Turn(IntEnum):
    """What is done by one worker at a time; workers of all versions agree on these."""

    EXPIRE = 1
    RELEASE = 2
    UPKEEP = 3
    SWEEP = 4
    RECOUNT = 5
    RETAIN = 6
    RESEAL = 7
    SEAL = 8
    BRAKE = 9
    SUSPENDED = 10
    ALARM = 11
    MEND = 12
    ABANDONED = 13
    REMIND = 14
    GATHER = 15
    WAVE = 16
    FORGET_NUMBERS = 17
    RESEAL_NUMBERS = 18
    END_CLEARANCES = 19
    RESEAL_REPORTS = 20
    LATER_HOLDERS = 21
    COUNT = 22
    COUNT_ATTEMPTS = 23
    REHEARSE = 24
    REHEARSE_WAVES = 25


async def is_ours(db: Db, turn: Turn) -> bool:
    """Take the turn until the transaction ends, unless somebody else has it."""
    ours: bool = (await db.execute(_TRY, {"key": _LOCKS + turn})).scalar_one()
    return ours
