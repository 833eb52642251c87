"""Look at what carriers were told, as their webhooks say it."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import select

from unbind_broker.api.fields import AnswerModel
from unbind_broker.api.notice_webhooks import NOTICE_WEBHOOKS
from unbind_broker.api.progress_webhooks import PROGRESS_WEBHOOKS
from unbind_broker.base.database import Db
from unbind_broker.notices.tables import notices
from unbind_broker.sending.payloads import OutgoingNotice, payload

BODIES: dict[str, type[AnswerModel]] = {
    name: body for name, _, body in (*NOTICE_WEBHOOKS, *PROGRESS_WEBHOOKS)
}


async def news(
    db: Db, *types: str, order_id: UUID | None = None
) -> list[dict[str, Any]]:
    """What was told of these types, oldest first: each body fits its description."""
    statement = select(notices).order_by(notices.c.id)
    if order_id is not None:
        statement = statement.where(notices.c.order_id == order_id)
    bodies = []
    for row in await db.execute(statement):
        told = OutgoingNotice(row.id, row.event, row.at, row.data, row.at)
        body = payload(row.event, row.at, [told])
        BODIES[row.event.value].model_validate_json(body)
        bodies.append(json.loads(body))
    return [one for one in bodies if not types or one["type"] in types]
