"""``unbind-broker platforms``: who can be asked."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from unbind_broker.cli.database import ACTOR, use_database
from unbind_broker.cli.listing import NotRegistered, read_all, show
from unbind_broker.cli.options import AsJson, DataDir
from unbind_broker.cli.platform_files import Entry, read_catalogue, read_file
from unbind_broker.platforms import service
from unbind_broker.platforms.profile import Profile
from unbind_broker.platforms.service import Imported, Platform
from unbind_broker.platforms.tables import World
from unbind_broker.runtime.opening import Runtime

app = typer.Typer(
    help="Register, list, import and suspend platforms.", add_completion=False
)

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Such as weibo.")]


@app.command()
def add(
    slug: Slug,
    *,
    name_zh: Annotated[str | None, typer.Option(metavar="N")] = None,
    name_en: Annotated[str | None, typer.Option(metavar="N")] = None,
    category: Annotated[str, typer.Option(metavar="C")] = "other",
    sensitive: Annotated[
        bool,
        typer.Option("--sensitive", help="Never named to a number's present holder."),
    ] = False,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox", help="A test endpoint: it gets rehearsals, and nothing real."
        ),
    ] = False,
    domain: Annotated[
        list[str] | None,
        typer.Option(metavar="D", help="A domain of its own; may be given repeatedly."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register a platform. Without names it is called by its slug."""
    world = World.SANDBOX if sandbox else World.REAL
    profile = Profile(
        name_zh=name_zh or slug,
        name_en=name_en or slug,
        category=category,
        sensitive=sensitive,
        domains=tuple(domain or ()),
    )

    async def work(runtime: Runtime) -> Platform:
        async with runtime.engine.begin() as db:
            now = runtime.clock.now()
            return await service.add(db, now, slug, profile, ACTOR, world)

    show([_row(use_database(data_dir, work))], as_json=as_json)


@app.command("list")
def list_platforms(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every platform."""

    async def work(runtime: Runtime) -> list[Platform]:
        async with runtime.engine.begin() as db:
            return await read_all(
                partial(service.list_page, db), lambda platform: platform.slug
            )

    found = use_database(data_dir, work)
    show([_row(platform) for platform in found], as_json=as_json)


@app.command("import")
def import_platforms(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="JSON or CSV with slug, name_zh, name_en, category, sensitive and "
            "perhaps domains (in CSV with ; between).",
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Register many platforms; those registered already stay as they are.

    Without a file: the built-in catalogue of mainstream apps.
    """
    entries = read_catalogue() if file is None else read_file(file)
    imported = use_database(data_dir, partial(_import, entries))
    added, there = len(imported.added), len(imported.there_already)
    if as_json:
        print(json.dumps({"added": added, "there_already": there}))
    else:
        print(f"{added} platforms added, {there} were there already")


@app.command()
def suspend(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Give a platform no new items; its results are still taken."""

    async def work(runtime: Runtime) -> Platform | None:
        async with runtime.engine.begin() as db:
            return await service.suspend(db, runtime.clock.now(), slug, ACTOR)

    _tell(slug, use_database(data_dir, work), as_json=as_json)


@app.command()
def resume(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Give a suspended platform items again."""

    async def work(runtime: Runtime) -> Platform | None:
        async with runtime.engine.begin() as db:
            return await service.resume(db, runtime.clock.now(), slug, ACTOR)

    _tell(slug, use_database(data_dir, work), as_json=as_json)


async def _import(entries: list[Entry], runtime: Runtime) -> Imported:
    async with runtime.engine.begin() as db:
        return await service.import_catalogue(db, runtime.clock.now(), entries, ACTOR)


def _tell(slug: str, platform: Platform | None, *, as_json: bool) -> None:
    if platform is None:
        raise NotRegistered(f"no platform is registered as {slug}")
    show([_row(platform)], as_json=as_json)


def _row(platform: Platform) -> dict[str, object]:
    return {
        "slug": platform.slug,
        "status": str(platform.status),
        "category": platform.profile.category,
        "sensitive": platform.profile.sensitive,
        "world": str(platform.world),
        "name_zh": platform.profile.name_zh,
        "name_en": platform.profile.name_en,
        "domains": list(platform.profile.domains),
    }
