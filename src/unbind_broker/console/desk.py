"""What the pages need of their process."""

from contextlib import AbstractAsyncContextManager

from unbind_broker.base.database import Db
from unbind_broker.console.attempts import Attempts
from unbind_broker.console.sessions import Sessions
from unbind_broker.keys import service as keys
from unbind_broker.keys.known_living import KnownLiving
from unbind_broker.runtime.opening import Runtime


class Desk:
    """The process as pages see it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.settings = runtime.settings
        self.clock = runtime.clock
        self.sessions = Sessions(runtime.sealer)
        self.attempts = Attempts()
        self.living = KnownLiving(self._living_digests)

    def read(self) -> AbstractAsyncContextManager[Db]:
        """Read: every statement sees what is committed when it begins."""
        return (self.runtime.readers or self.runtime.engine).connect()

    def write(self) -> AbstractAsyncContextManager[Db]:
        """Write: one transaction, committed with the block."""
        return self.runtime.engine.begin()

    async def _living_digests(self) -> frozenset[bytes]:
        async with self.read() as db:
            return await keys.living_digests(db, self.clock.now())
