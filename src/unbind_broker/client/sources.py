"""Cut any number of lines into bodies that can be sent again."""

from collections.abc import AsyncIterator

NDJSON = "application/x-ndjson"


async def packed(
    lines: AsyncIterator[bytes], most: int
) -> AsyncIterator[tuple[bytes, int]]:
    """Give bodies of up to ``most`` lines, each with how many it holds."""
    held: list[bytes] = []
    async for line in lines:
        held.append(line)
        if len(held) == most:
            yield b"\n".join([*held, b""]), len(held)
            held = []
    if held:
        yield b"\n".join([*held, b""]), len(held)
