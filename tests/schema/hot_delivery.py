"""Statements of delivery that run all the time: what is read, sent and recorded."""

from typing import Any
from uuid import UUID

from tests.schema.hot import BATCH, LATER, Hot
from tests.schema.large_tables import Past
from tests.support.clock import NOON
from unbind_broker.base.ids import new_uuid7
from unbind_broker.deliveries import (
    attempts,
    due_endpoints,
    fetching,
    queue,
    reminders,
    undelivered,
)
from unbind_broker.items import service as items
from unbind_broker.orders import settling
from unbind_broker.sending import briefs, contents, leases, log_reads, recheck

ME = new_uuid7(NOON)


def reading_the_log(past: Past) -> dict[str, Hot]:
    place = {"xid": 3_000, "order_id": UUID(int=0)}
    gaps = {"gap_xids": [5, 6, 7], "gap_orders": [UUID(int=0)] * 3}
    lanes = past.platforms[:10]
    behind = {
        "platforms": lanes,
        "xids": [100] * 10,
        "orders": [UUID(int=0)] * 10,
        "scans": [64] * 10,
        "first_gaps": [1] * 10,
        "last_gaps": [3] * 10,
    }
    index = ("order_log_pkey", "items_2026_11_pkey")
    return {
        "tail": Hot(log_reads._TAIL, {**place, **gaps, "limit": 256}, index),
        "behind": Hot(log_reads._BEHIND, {**behind, **gaps}, index),
        "briefs": Hot(briefs._READ, {"orders": past.open}, ("orders_2026_11_pkey",)),
        "leaders": Hot(briefs._LEADERS, {"orders": past.done}, ("items_2026_11_pkey",)),
    }


def reading_what_is_due(past: Past) -> dict[str, Hot]:
    ends = {
        "endpoints": past.endpoints,
        "rooms": [BATCH] * len(past.endpoints),
        "floors": [NOON] * len(past.endpoints),
    }
    whether = {"endpoints": past.endpoints, "since": NOON, "now": LATER}
    named = past.open[:20]
    wanted = {
        "orders": named,
        "platforms": [past.platforms[0]] * 20,
        "replays": [False] * 20,
    }
    cancels = {"endpoints": past.endpoints[:20], "orders": named}
    return {
        "due": Hot(queue._DUE, {**ends, "now": LATER}, ("deliveries_due",)),
        "whether due": Hot(due_endpoints._DUE, whether, ("deliveries_due",)),
        "clear": Hot(queue._CLEAR, {"ids": [*range(1, 51)]}, ("deliveries_pkey",)),
        "recheck": Hot(recheck._WAITING, wanted, ("items_2026_11_pkey",)),
        "cancels": Hot(
            contents._CANCELS,
            {**cancels, "unsure": [True] * len(named)},
            ("orders_2026_11_pkey",),
        ),
        "notices": Hot(contents._NOTICES, {"ids": named}, ("notices_2026_11_pkey",)),
    }


def fetching_items(past: Past) -> dict[str, Hot]:
    whose = {"endpoint": past.endpoints[0], "platform": past.platforms[0]}
    place = {"xid": 3_000, "order": UUID(int=0), "limit": BATCH}
    page = {"now": NOON, "limit": BATCH}
    named = {"orders": past.open, "platforms": [past.platforms[0]] * BATCH}
    item = ("items_2026_11_pkey",)
    return {
        "take in": Hot(
            fetching._TAKE_IN, {**whose, **place}, ("order_log_pkey", *item)
        ),
        "page": Hot(fetching._WAITING, {**whose, **page}, ("deliveries_due", *item)),
        "hand out": Hot(items._HAND_OUT, named, item),
    }


def recording(past: Past) -> dict[str, Hot]:
    named = {"orders": past.open, "platforms": [1] * BATCH}
    subjects = {
        "endpoints": [past.endpoints[0]] * BATCH,
        "events": [2] * BATCH,
        "orders": past.open,
    }
    scheduled = {
        **subjects,
        "dues": [NOON] * BATCH,
        "attempts": [1] * BATCH,
        "occasions": [None] * BATCH,
        "replays": [False] * BATCH,
    }
    item = ("items_2026_11_pkey",)
    reminded = {
        "endpoints": subjects["endpoints"],
        "orders": subjects["orders"],
        "occasions": past.open,
    }
    return {
        "append attempts": Hot(attempts._APPEND, _attempts(past)),
        "acknowledge": Hot(items._ACKNOWLEDGE, {**named, "now": NOON}, item),
        "count attempts": Hot(items._COUNT_ATTEMPTS, named, item),
        "undeliverable": Hot(items._MARK_UNDELIVERABLE, {**named, "now": NOON}, item),
        "lock": Hot(items._LOCK, named, item),
        "schedule": Hot(queue._SCHEDULE, scheduled),
        "delete": Hot(queue._DELETE, subjects, ("deliveries_subject",)),
        "replaced": Hot(reminders._REPLACED, reminded, ("deliveries_subject",)),
        "stop sending": Hot(queue._STOP_SENDING, named, ("deliveries_subject",)),
        "settle": Hot(
            settling._SETTLE, {"orders": past.open, "beside": 7, "now": NOON}, item
        ),
        "share undelivered": Hot(undelivered._SHARE, {**named, "order": past.open[0]}),
        "note undelivered": Hot(undelivered._NOTE, {**named, "now": NOON, "cause": 1}),
    }


def _attempts(past: Past) -> dict[str, Any]:
    nothing = ["dns", "connects", "tls", "first_bytes", "errors", "heads", "occasions"]
    return {
        "ids": [new_uuid7(NOON) for _ in range(BATCH)],
        "endpoints": [past.endpoints[0]] * BATCH,
        "events": [2] * BATCH,
        "orders": [f"{{{one}}}" for one in past.open],
        "webhook_ids": ["msg_1"] * BATCH,
        "digests": [b"\x01" * 32] * BATCH,
        "starts": [NOON] * BATCH,
        "outcomes": [1] * BATCH,
        "status_codes": [200] * BATCH,
        "totals": [5] * BATCH,
        "replays": [False] * BATCH,
        **{name: [None] * BATCH for name in nothing},
    }


def owning(past: Past) -> dict[str, Hot]:
    held = {
        "endpoints": past.endpoints,
        "epochs": [1] * len(past.endpoints),
        "worker": ME,
    }
    cursors = {
        "xids": [5] * len(past.endpoints),
        "orders": [UUID(int=0)] * len(past.endpoints),
    }
    claimed = {"busy": [], "count": 20, "worker": ME, "lease": 20.0}
    return {
        "renew": Hot(leases._RENEW, {**held, **cursors, "lease": 20.0}),
        "claim": Hot(leases._CLAIM, claimed),
        "fence": Hot(leases._FENCE, held),
    }


GROUPS = (reading_the_log, reading_what_is_due, fetching_items, recording, owning)
