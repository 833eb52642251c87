"""A witness in the database: who wrote what while whom the lease named as the owner.

Every worker process signs in as a role of its own, so that triggers can tell the
writer. The recorder locks the lease that it goes by, so what the trigger reads of it
stands until the writer commits.
"""

from collections import Counter
from itertools import count
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.queue import REQUEST_EVENTS

_REQUESTS = ", ".join(str(event.code) for event in REQUEST_EVENTS)
_STATEMENTS = (
    "CREATE TABLE witness_worker (role text PRIMARY KEY, worker uuid NOT NULL)",
    "CREATE TABLE witness (what text, endpoint int, holder uuid, writer uuid)",
    """
    CREATE FUNCTION witness_name() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO witness_worker VALUES (session_user, NEW.id)
        ON CONFLICT (role) DO UPDATE SET worker = excluded.worker;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER witness AFTER INSERT ON workers
    FOR EACH ROW EXECUTE FUNCTION witness_name()
    """,
    """
    CREATE FUNCTION witness_write() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE me uuid; owner uuid;
    BEGIN
        SELECT worker INTO me FROM witness_worker WHERE role = session_user;
        IF me IS NULL THEN RETURN NULL; END IF;
        SELECT holder INTO owner FROM endpoint_leases
        WHERE endpoint_id = NEW.endpoint_id;
        INSERT INTO witness VALUES (
            TG_ARGV[0] || CASE WHEN owner = me THEN ':owner' ELSE ':stale' END,
            NEW.endpoint_id, owner, me);
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE TRIGGER witness_new AFTER INSERT ON deliveries
    FOR EACH ROW WHEN (NEW.event IN ({_REQUESTS}))
    EXECUTE FUNCTION witness_write('retry')
    """,
    f"""
    CREATE TRIGGER witness_moved AFTER UPDATE ON deliveries
    FOR EACH ROW WHEN (NEW.event IN ({_REQUESTS}))
    EXECUTE FUNCTION witness_write('retry')
    """,
    """
    CREATE TRIGGER witness AFTER INSERT OR UPDATE ON endpoint_health
    FOR EACH ROW EXECUTE FUNCTION witness_write('health')
    """,
    f"""
    CREATE TRIGGER witness_success AFTER INSERT ON attempts
    FOR EACH ROW WHEN (NEW.outcome = {OutcomeKind.ACCEPTED.code})
    EXECUTE FUNCTION witness_write('success')
    """,
    f"""
    CREATE TRIGGER witness_failure AFTER INSERT ON attempts
    FOR EACH ROW WHEN (NEW.outcome <> {OutcomeKind.ACCEPTED.code})
    EXECUTE FUNCTION witness_write('failure')
    """,
    """
    CREATE FUNCTION witness_lease() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE me uuid; what text;
    BEGIN
        SELECT worker INTO me FROM witness_worker WHERE role = session_user;
        IF me IS NULL AND NEW.epoch > OLD.epoch THEN
            me := NEW.holder; -- its first claim may come before it signs on
            INSERT INTO witness_worker VALUES (session_user, me);
        END IF;
        IF NEW.epoch = OLD.epoch THEN
            what := CASE WHEN OLD.holder = me THEN 'lease:owner'
                ELSE 'lease:stale' END;
        ELSIF NEW.holder = me AND NEW.epoch = OLD.epoch + 1
            AND (OLD.holder IS NULL OR OLD.lease_until <= clock_timestamp())
        THEN what := 'claim:rightful';
        ELSE what := 'claim:wrong';
        END IF;
        INSERT INTO witness VALUES (what, NEW.endpoint_id, OLD.holder, me);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER witness AFTER UPDATE ON endpoint_leases
    FOR EACH ROW EXECUTE FUNCTION witness_lease()
    """,
)
ROLES = 150
FORBIDDEN = ("retry:stale", "health:stale", "lease:stale", "claim:wrong")
"""What only an owner may write. A failure's record alone changes nothing, and what a
platform has taken is a fact whoever tells it."""


async def call_witness(engine: AsyncEngine) -> None:
    """Make the triggers, and a role for every worker process to come."""
    async with engine.begin() as db:
        for statement in _STATEMENTS:
            await db.exec_driver_sql(statement)
        for place in range(ROLES):
            await db.execute(text(f"CREATE ROLE worker_{place} SUPERUSER LOGIN"))


def roles() -> Any:
    """Name one role after the other."""
    return (f"worker_{place}" for place in count())


async def hear_witness(engine: AsyncEngine) -> Counter[str]:
    """Count what was written, by what it was and whether the owner did."""
    counted = text("SELECT what, count(*) FROM witness GROUP BY what")
    async with engine.connect() as db:
        return Counter({row[0]: row[1] for row in await db.execute(counted)})
