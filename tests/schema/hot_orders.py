"""Statements that run all the time while orders are open, and tell of them."""

from uuid import UUID

from tests.schema.hot import BATCH, LATER, Hot
from tests.schema.large_tables import Past
from tests.support.clock import NOON
from unbind_broker.deadlines import (
    expiring,
    gathering,
    overdue,
    releasing,
    reminding,
    sweeping,
)
from unbind_broker.deliveries import reminders
from unbind_broker.items import expiring as expiring_items
from unbind_broker.items import views
from unbind_broker.notices import changes, feed
from unbind_broker.orders import cancelling
from unbind_broker.sending import contents
from unbind_broker.worker import due_watch


def clocks(past: Past) -> dict[str, Hot]:
    start = sweeping.SweepPosition()
    sweep = {"deadline": start.deadline, "order": start.order_id, "limit": BATCH}
    some = {"now": LATER, "limit": BATCH}
    expired = {"orders": past.open, "now": NOON}
    by_deadline = ("orders_2026_11_deadline_idx",)
    return {
        "anything due": Hot(due_watch._LOOK, {"now": LATER}, by_deadline),
        "overdue": Hot(expiring._OVERDUE, some, by_deadline),
        "expire": Hot(expiring_items._EXPIRE, expired, ("items_2026_11_pkey",)),
        "release": Hot(releasing._RELEASE, some, ("orders_2026_11_held_until_idx",)),
        "sweep": Hot(sweeping._NEXT, sweep, by_deadline),
    }


def telling(past: Past) -> dict[str, Hot]:
    some = {"now": LATER, "limit": BATCH}
    named = {"orders": past.open, "platforms": [1] * BATCH}
    subjects = {"endpoints": past.endpoints[:20], "orders": past.open[:20]}
    halves = {"orders": past.open, "occasions": past.open, "now": NOON}
    order, item = ("orders_2026_11_pkey",), ("items_2026_11_pkey",)
    changed = {"due": LATER, "limit": BATCH}
    return {
        "note changed": Hot(changes._NOTE, {"now": NOON, "orders": past.open}),
        "gather": Hot(gathering._TAKE_IN, changed, ("order_changes_pkey", *order)),
        "gathered": Hot(gathering._DUE, some, ("order_updates_due", *order)),
        "told overdue": Hot(overdue._OVERDUE, named, order),
        "outlines": Hot(views._COUNTS, {"orders": past.open}, item),
        "remind": Hot(reminding._DUE, some, ("order_reminders_due", *order)),
        "enrol": Hot(reminding._ENROL, {"from": 5, "limit": BATCH}, order),
        "announce reminders": Hot(reminders._REMIND, halves, item),
        "reminders": Hot(contents._REMINDERS, subjects, item),
    }


def calling_back(past: Past) -> dict[str, Hot]:
    named, order = {"orders": past.open}, ("orders_2026_11_pkey",)
    return {
        "numbers called back": Hot(cancelling._NUMBERS, named, order),
        "lock called back": Hot(cancelling._LOCK_OPEN, named, order),
        "call back": Hot(cancelling._CANCEL, {**named, "now": NOON}, order),
    }


def listing(past: Past) -> dict[str, Hot]:
    page = {"carrier": past.carrier, "xid": 300, "id": UUID(int=0), "limit": BATCH}
    by_carrier = ("notices_2026_11_carrier_id_xid_id_idx",)
    return {"feed": Hot(feed._READ, page, by_carrier)}


GROUPS = (clocks, telling, calling_back, listing)
