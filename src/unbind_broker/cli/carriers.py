"""``unbind-broker carriers``: who may ask."""

from functools import partial
from typing import Annotated

import typer

from unbind_broker.carriers import service
from unbind_broker.carriers.service import Carrier, NewCarrier
from unbind_broker.cli.database import ACTOR, use_database
from unbind_broker.cli.listing import NotRegistered, read_all, show
from unbind_broker.cli.options import AsJson, DataDir
from unbind_broker.deadlines.suspending import MOST_AT_ONCE, call_back_suspended
from unbind_broker.runtime.opening import Runtime

app = typer.Typer(help="Register, list and suspend carriers.", add_completion=False)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Such as china-mobile.")]


@app.command()
def add(
    slug: Slug,
    *,
    name_zh: Annotated[str | None, typer.Option(metavar="N")] = None,
    name_en: Annotated[str | None, typer.Option(metavar="N")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register a carrier. Without names it is called by its slug."""
    new = NewCarrier(slug, name_zh=name_zh or slug, name_en=name_en or slug)

    async def work(runtime: Runtime) -> Carrier:
        async with runtime.engine.begin() as db:
            return await service.add(db, runtime.clock.now(), new, ACTOR)

    show([_row(use_database(data_dir, work))], as_json=as_json)


@app.command("list")
def list_carriers(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every carrier."""

    async def work(runtime: Runtime) -> list[Carrier]:
        async with runtime.engine.begin() as db:
            return await read_all(
                partial(service.list_page, db), lambda carrier: carrier.slug
            )

    found = use_database(data_dir, work)
    show([_row(carrier) for carrier in found], as_json=as_json)


@app.command()
def suspend(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Stop taking a carrier's calls, and cancel what it has open.

    The first 500 of its queries and unbind orders are cancelled at once, the others by
    the workers. Restore orders go on.
    """

    async def work(runtime: Runtime) -> Carrier | None:
        now = runtime.clock.now()
        async with runtime.engine.begin() as db:
            carrier = await service.suspend(db, now, slug, ACTOR)
        if carrier is not None:
            async with runtime.engine.begin() as db:
                await call_back_suspended(db, now, [carrier.id], MOST_AT_ONCE, ACTOR)
        return carrier

    _tell(slug, use_database(data_dir, work), as_json=as_json)


@app.command()
def resume(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take a suspended carrier's calls again."""

    async def work(runtime: Runtime) -> Carrier | None:
        async with runtime.engine.begin() as db:
            return await service.resume(db, runtime.clock.now(), slug, ACTOR)

    _tell(slug, use_database(data_dir, work), as_json=as_json)


def _tell(slug: str, carrier: Carrier | None, *, as_json: bool) -> None:
    if carrier is None:
        raise NotRegistered(f"no carrier is registered as {slug}")
    show([_row(carrier)], as_json=as_json)


def _row(carrier: Carrier) -> dict[str, object]:
    return {
        "slug": carrier.slug,
        "status": str(carrier.status),
        "name_zh": carrier.name_zh,
        "name_en": carrier.name_en,
    }
