"""Every router of the API, in the order of the document."""

from fastapi import APIRouter

from unbind_broker.api import (
    admin_brake,
    admin_carriers,
    admin_endpoints,
    admin_keys,
    admin_numbers,
    admin_platforms,
    admin_violations,
    carrier_keys,
    directory,
    endpoint,
    evidence,
    items,
    me,
    order_undo,
    orders,
    queries,
    receipts,
    results,
    well_known,
)

ROUTERS: tuple[APIRouter, ...] = (
    queries.router,
    orders.router,
    order_undo.router,
    receipts.router,
    results.router,
    items.router,
    directory.router,
    endpoint.router,
    me.router,
    admin_carriers.router,
    admin_platforms.router,
    admin_keys.router,
    admin_numbers.router,
    admin_endpoints.router,
    admin_violations.router,
    admin_brake.router,
    evidence.router,
    well_known.router,
    carrier_keys.router,
)
