"""What is asked for every claim and every line finds its rows by number."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, insert, text

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.holdings import LIMITS, TODAY
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.events import Told
from unbind_broker.holdings.service import is_superseded, take
from unbind_broker.holdings.states import Began, HoldingEvent
from unbind_broker.holdings.tables import holdings
from unbind_broker.orders.service import open_orders

MANY = 5000


def index_of(place: int) -> bytes:
    return place.to_bytes(32, "big")


async def a_crowd(db: Db, carrier_id: CarrierId) -> None:
    row = {
        "carrier_id": carrier_id,
        "since": TODAY,
        "began": Began.ATTESTED,
        "confirmed_at": NOON,
        "recorded_at": NOON,
    }
    rows = [{**row, "number_index": index_of(place)} for place in range(MANY)]
    await db.execute(insert(holdings), rows)
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
    some = [index_of(place) for place in range(0, MANY, 50)]
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
