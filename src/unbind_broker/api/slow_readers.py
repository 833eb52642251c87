"""Cut off who does not read what is sent: a stream holds a place until it ends."""

import asyncio

from starlette.types import Message, Send


def in_time(send: Send, silent: float, whole: float | None = None) -> Send:
    """Raise ``TimeoutError`` where one piece needs more than ``silent`` seconds.

    All pieces together may take ``whole`` seconds from now on; None: any time.
    """
    loop = asyncio.get_running_loop()
    over = None if whole is None else loop.time() + whole

    async def send_in_time(message: Message) -> None:
        late = loop.time() + silent
        async with asyncio.timeout_at(late if over is None else min(late, over)):
            await send(message)

    return send_in_time
