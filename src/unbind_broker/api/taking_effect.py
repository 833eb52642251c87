"""Answer a change of an endpoint only when it is in force."""

import logging
from datetime import timedelta

from unbind_broker.api.context import Context
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.taking_effect import wait_until_in_force

log = logging.getLogger(__name__)

MARGIN = timedelta(seconds=1)


async def until_in_force(context: Context, endpoint: Endpoint) -> None:
    """Wait until nothing starts as it was before the change; a lease at most.

    The change stands whatever comes of the wait: a worker that does not tell loses
    the endpoint with its lease. Call it without a transaction.
    """
    limit = context.settings.lease + MARGIN
    heard = await wait_until_in_force(
        context.engine.readers, endpoint.id, endpoint.version, limit
    )
    if not heard:
        log.warning("change_not_heard", extra={"endpoint_id": endpoint.id})
