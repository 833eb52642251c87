"""Lists of orders and of queries: which ones, and page after page."""

from collections.abc import Callable, Collection
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from unbind_broker.api.callers import carrier_of
from unbind_broker.api.context import Context
from unbind_broker.api.fields import Instant
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.order_bodies import Reference
from unbind_broker.api.pages import cut_page, read_cursor
from unbind_broker.items.views import list_orders
from unbind_broker.keys.service import Caller
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.views import OrderFilter


def filter_of(kinds: Collection[OrderKind]) -> Callable[..., OrderFilter]:
    """Make a dependency that reads which orders of these kinds a list holds."""

    def chosen(
        status: Annotated[OrderStatus | None, Query(description="Only these.")] = None,
        reference: Annotated[
            Reference | None, Query(description="Only those with this very reference.")
        ] = None,
        created_after: Annotated[
            Instant | None, Query(description="Only those accepted later than this.")
        ] = None,
    ) -> OrderFilter:
        return OrderFilter(
            kinds=kinds,
            status=status,
            reference=reference,
            created_after=created_after,
        )

    return chosen


async def show_page(
    context: Context,
    caller: Caller,
    chosen: OrderFilter,
    limit: int,
    cursor: str | None,
) -> Response:
    """Answer one page of a carrier's own orders."""
    behind = read_cursor(cursor, UUID)
    async with context.engine.connect() as db:
        rows = await list_orders(
            db,
            carrier_of(caller),
            chosen,
            (behind, limit + 1),
            context.runtime.sealer,
        )
    shown, following = cut_page(rows, limit, lambda row: row[0])
    views = [view for _, view in shown]
    return json_answer(encode({"data": views, "next_cursor": following}))
