# ruff: noqa: S608 - only codes, words and names of columns are put into statements
"""Add what carriers asked for, day by day, of all platforms together."""

from unbind_broker.base.database import BIG, TEXT, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.carriers.tables import SANDBOX_SUFFIX
from unbind_broker.orders.states import HoldReason, OrderKind
from unbind_broker.statistics.adding import MORE, SUMS, day_of
from unbind_broker.statistics.flow import REAL
from unbind_broker.statistics.measures import ALL_TOGETHER, Measure
from unbind_broker.statistics.order_rounds import Place


async def add_accepted(db: Db, zone: str, after: Place, upto: Place) -> None:
    """Add the orders that events behind ``after``, up to and with ``upto``, tell of.

    Rehearsals are left out. An order that a brake holds twice counts twice.
    """
    values = {
        "xid": after.xid,
        "id": after.id,
        "last_xid": upto.xid,
        "last_id": upto.id,
        "zone": zone,
    }
    await db.execute(_ADD, values)


_KIND = " ".join(f"WHEN '{kind}' THEN {kind.code}" for kind in OrderKind)
_ADD = sql(
    f"""{SUMS}
    SELECT {ALL_TOGETHER}, {day_of("e.at")}, e.kind, m.measure, sum(m.n)
    FROM (
        SELECT at, action, facts,
            CASE facts ->> 'kind' {_KIND} ELSE {OrderKind.UNBIND.code} END AS kind
        FROM audit_events
        WHERE (xid, id) > (:xid, :id) AND (xid, id) <= (:last_xid, :last_id)
            AND CASE action
                WHEN 'order.accepted' THEN actor NOT LIKE '%{SANDBOX_SUFFIX}'
                WHEN 'order.held' THEN facts ->> 'held_for' = '{HoldReason.BRAKED}'
                    AND (SELECT true FROM orders
                        WHERE id = audit_events.order_id AND {REAL}) IS NOT NULL
                ELSE false END
    ) e
    CROSS JOIN LATERAL (
        SELECT {Measure.ORDERS} AS measure, 1::bigint AS n
            WHERE e.action = 'order.accepted'
        UNION ALL
        SELECT {Measure.ITEMS}, (e.facts ->> 'items')::bigint
            WHERE e.action = 'order.accepted'
        UNION ALL
        SELECT {Measure.BRAKED}, 1 WHERE e.action = 'order.held'
    ) m
    WHERE m.n > 0
    {MORE}""",
    xid=BIG,
    id=UUID_TYPE,
    last_xid=BIG,
    last_id=UUID_TYPE,
    zone=TEXT,
)
