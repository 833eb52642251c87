"""Tell whether the process is alive, and whether it can serve."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import Field
from sqlalchemy import text

from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel
from unbind_broker.api.problems import problems
from unbind_broker.base.errors import BrokerError

router = APIRouter(tags=["health"])

Word = Annotated[str, Field(examples=["ok"])]


class NotMigrated(BrokerError):
    """The database was never migrated, or is another one."""

    code = "schema-outdated"
    title = "The database schema is older than this program"


class Alive(AnswerModel):
    """The process answers."""

    status: Word


class Ready(AnswerModel):
    """The process can serve."""

    status: Word
    schema_revision: str = Field(examples=["0001"])


@router.get("/healthz", summary="Is the process alive", response_model=Alive)
async def healthz() -> Response:
    """Answer as long as the process can answer anything; asks nobody else."""
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    summary="Can the process serve",
    response_model=Ready,
    responses=problems("database-unavailable", "schema-outdated"),
)
async def readyz(context: Ctx) -> Response:
    """Answer 200 while the database is reachable and migrated, 503 otherwise.

    A process does not start on a schema that is older than itself.
    """
    revision = None
    async with context.engine.connect() as db:
        if await db.scalar(text("SELECT to_regclass('alembic_version')")) is not None:
            revision = await db.scalar(text("SELECT version_num FROM alembic_version"))
    if revision is None:
        raise NotMigrated("the database has no schema; run: unbind-broker migrate")
    return JSONResponse({"status": "ok", "schema_revision": revision})
