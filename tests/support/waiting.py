"""Wait until something is so, and say what was found if it never is."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 15.0
"""Seconds. Generous, because a slow machine is no failure."""


async def eventually(
    look: Callable[[], Found | Awaitable[Found]], within: float = PATIENCE
) -> Found:
    """Look again and again until what is found is true; return it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while True:
        seen = look()
        found: Found = await seen if isawaitable(seen) else seen
        if found:
            return found
        if loop.time() > until:
            raise AssertionError(f"still {found!r} after {within:g} s")
        await asyncio.sleep(0.01)
