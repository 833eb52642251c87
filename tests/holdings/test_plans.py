"""What is asked for every claim and every line finds its rows by number."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Date, event, text

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.holdings import LIMITS, TODAY
from unbind_broker.base.database import INSTANT, INT, Db, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.events import Told
from unbind_broker.holdings.service import is_superseded, take
from unbind_broker.holdings.states import HoldingEvent
from unbind_broker.orders.service import open_orders

MANY = 40_000
_CROWD = sql(
    """
    INSERT INTO holdings
        (number_index, carrier_id, since, began, confirmed_at, recorded_at)
    SELECT decode(lpad(to_hex(place), 64, '0'), 'hex'), :carrier, :since, 1, :now, :now
    FROM generate_series(1, :many) AS place""",
    carrier=INT,
    since=Date(),
    now=INSTANT,
    many=INT,
)


def index_of(place: int) -> bytes:
    return place.to_bytes(32, "big")


async def a_crowd(db: Db, carrier_id: CarrierId) -> None:
    values = {"carrier": carrier_id, "since": TODAY, "now": NOON, "many": MANY}
    await db.execute(_CROWD, values)
    await db.execute(text("ANALYZE holdings"))


@contextmanager
def selects(db: Db) -> Iterator[list[tuple[str, Any]]]:
    """Gather the statements that read, with their values."""
    found: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        if call[2].startswith("SELECT"):
            found.append((call[2], call[3]))

    event.listen(db.sync_connection, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.sync_connection, "before_cursor_execute", note)


async def test_no_statement_reads_the_whole_ledger(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_crowd(db, carrier.id)
    some = [index_of(place) for place in range(1, MANY, 500)]
    told = Told(carrier.id, HoldingEvent.ACTIVATED, TODAY)
    with selects(db) as asked:
        await is_superseded(db, some[0], TODAY)
        await take(db, NOON, [(index, told) for index in some], LIMITS)
        await open_orders(db, some)
    assert len(asked) == 3
    for statement, values in asked:
        found = await db.exec_driver_sql(f"EXPLAIN {statement}", values)
        plan = "\n".join(found.scalars())
        assert "Seq Scan on holdings" not in plan
        assert "number_index" in plan
