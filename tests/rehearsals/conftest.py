import pytest

from tests.rehearsals.scene import Scene, a_twin
from unbind_broker.base.database import Db


@pytest.fixture
async def scene(db: Db) -> Scene:
    return Scene(db, await a_twin(db))
