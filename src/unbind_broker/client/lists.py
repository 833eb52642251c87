"""Read lists to their end, page by page."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.shapes import AnyShape, Page, read

LARGEST_PAGE = "200"


async def read_all(
    calls: Calls, call: Call, kind: type[Page[AnyShape]]
) -> AsyncGenerator[AnyShape, None]:
    """Give every row of a list; a new page is fetched when it is needed."""
    cursor: str | None = None
    while True:
        at = {} if cursor is None else {"cursor": cursor}
        params = {"limit": LARGEST_PAGE, **call.params, **at}
        answer = await calls.make(replace(call, params=params))
        page = read(kind, answer.content)
        for row in page.data:
            yield row
        cursor = page.next_cursor
        if cursor is None:
            return


def chosen(**params: object) -> dict[str, str]:
    """Write query parameters; those that are None are left out."""
    return {name: str(value) for name, value in params.items() if value is not None}
