import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties, the_parties


@pytest.fixture
async def parties(engine: AsyncEngine) -> Parties:
    return await the_parties(engine)
