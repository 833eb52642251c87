"""Do something again and again, for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic


async def again(
    blow: Callable[[], Awaitable[None]], every: float, until: float
) -> None:
    """Strike every so many seconds until so many have passed."""
    ends = monotonic() + until
    while monotonic() + every < ends:
        await asyncio.sleep(every)
        await blow()
