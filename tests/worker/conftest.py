import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.receiver import Receiver
from tests.worker.stage import Stage, set_stage


@pytest.fixture
async def stage(engine: AsyncEngine, receiver: Receiver) -> Stage:
    """A carrier, a receiver, and a database; platforms are added by the test."""
    return await set_stage(engine, receiver)
