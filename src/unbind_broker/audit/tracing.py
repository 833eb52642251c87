"""Whoever reads the trail leaves a trace in it."""

from datetime import datetime

from unbind_broker.audit.reading import Wanted
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.base.numbers import clean_free_text


async def trace(db: Db, now: datetime, actor: str, what: str, **facts: object) -> None:
    """Record that something of the trail was read."""
    await record(db, now, Fact(actor, "audit.read", facts={"what": what, **facts}))


async def trace_events(
    db: Db, now: datetime, actor: str, wanted: Wanted, shown: int
) -> None:
    """Record that events were read, and which filter chose them.

    Words of the filter are masked like a stranger's: somebody may type a number there.
    """
    words = {"actor": wanted.actor, "action": wanted.action}
    filters = {
        **{name: word and clean_free_text(word) for name, word in words.items()},
        "after": show_instant_or_null(wanted.after),
        "before": show_instant_or_null(wanted.before),
    }
    chosen = {name: value for name, value in filters.items() if value is not None}
    fact = Fact(
        actor,
        "audit.read",
        order_id=wanted.order_id,
        number_index=wanted.number_index,
        facts={"what": "events", "filters": chosen, "shown": shown},
    )
    await record(db, now, fact)
