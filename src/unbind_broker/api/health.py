"""Tell whether the process is alive, and whether it can serve."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import Field
from sqlalchemy import text

from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel
from unbind_broker.api.problems import problems

router = APIRouter(tags=["health"])

Word = Annotated[str, Field(examples=["ok"])]


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
    responses=problems("database-unavailable"),
)
async def readyz(context: Ctx) -> Response:
    """Answer 200 while the database is reachable and migrated, 503 otherwise."""
    async with context.engine.connect() as db:
        revision = (
            await db.execute(text("SELECT version_num FROM alembic_version"))
        ).scalar_one()
    return JSONResponse({"status": "ok", "schema_revision": revision})
