"""Wait until something is so, and say what was found if it never is."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeVar, overload

Found = TypeVar("Found")

PATIENCE = 60.0
"""Seconds. Generous, because a slow machine is no failure."""


@overload
async def eventually(
    look: Callable[[], Awaitable[Found | None]], within: float = ...
) -> Found: ...
@overload
async def eventually(
    look: Callable[[], Found | None], within: float = ...
) -> Found: ...
async def eventually(look: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Look again and again until what is found is true; return it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while True:
        seen = look()
        found = await seen if isawaitable(seen) else seen
        if found:
            return found
        if loop.time() > until:
            raise AssertionError(f"still {found!r} after {within:g} s")
        await asyncio.sleep(0.01)
