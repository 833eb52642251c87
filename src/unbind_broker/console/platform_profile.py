"""Register a platform, and change what is known of one, each once it was previewed."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from unbind_broker.base.errors import InvalidFields
from unbind_broker.console.field_faults import faults_of
from unbind_broker.console.forms import Form
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.registering import changes, whole
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.platforms import service
from unbind_broker.platforms.profile import CAPABILITIES, Profile, check_profile
from unbind_broker.platforms.service import Platform
from unbind_broker.platforms.tables import World

HOME = "/console/platforms"
NEW = f"{HOME}/-/new"
_CAN = "can."
_FIELD = "profile."

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("/-/new")
async def ask_new(visit: AdminVisit) -> Response:
    """Ask for a platform to be registered."""
    return _page(visit, None, Profile("", ""))


@router.post("/-/new")
async def add_platform(visit: AdminVisit, form: Posted) -> Response:
    """Register a platform, once that was previewed."""
    slug = form.text("slug")
    world = World.SANDBOX if form.is_ticked("sandbox") else World.REAL
    profile = _profile(form, slug)
    try:
        async with visit.desk.write() as db:
            if await service.find(db, slug) is not None:
                raise InvalidFields.at("/slug", "this slug is taken")
            trial = await db.begin_nested()
            await service.add(db, visit.now, slug, profile, visit.actor, world)
            await trial.rollback()
            entry = {"slug": slug, **asdict(profile), "world": world.value}
            lines = whole(visit, _FIELD, entry)
            effect = Effect("profile.new", "profile.new", NEW, lines, "profile.forever")
            if asks := visit.preview(form, effect):
                return asks
            await service.add(db, visit.now, slug, profile, visit.actor, world)
    except InvalidFields as wrong:
        return _page(visit, None, profile, form, wrong)
    return visit.go(f"{HOME}/{slug}", "profile.added", slug=slug)


@router.get("/{slug}/profile")
async def ask_changes(visit: AdminVisit, slug: str) -> Response:
    """Show what is known of a platform, to be changed."""
    platform = await _find(visit, slug)
    return _page(visit, platform, platform.profile)


@router.post("/{slug}/profile")
async def change_platform(visit: AdminVisit, slug: str, form: Posted) -> Response:
    """Change what is known of a platform, once that was previewed."""
    platform, profile = await _find(visit, slug), _profile(form, "")
    back = f"{HOME}/{slug}"
    try:
        after, before = asdict(check_profile(profile)), asdict(platform.profile)
    except InvalidFields as wrong:
        return _page(visit, platform, profile, form, wrong)
    new = {name: one for name, one in after.items() if one != before[name]}
    if not new:
        return visit.go(back, "profile.same")
    async with visit.desk.write() as db:
        lines = (("profile.slug", slug), *changes(visit, _FIELD, before, new))
        effect = Effect("profile.change", "profile.change", back, lines, _warning(new))
        if asks := visit.preview(form, effect):
            return asks
        await service.change(db, visit.now, slug, new, visit.actor)
    return visit.go(back, "profile.changed")


def _warning(new: dict[str, object]) -> str | None:
    if "sensitive" not in new:
        return None
    return "profile.hides" if new["sensitive"] else "profile.reveals"


def _profile(form: Form, slug: str) -> Profile:
    """Read what was filled in; ``slug`` stands for names that were left out."""
    return Profile(
        name_zh=form.text("name_zh") or slug,
        name_en=form.text("name_en") or slug,
        category=form.text("category") or "other",
        sensitive=form.is_ticked("sensitive"),
        domains=tuple(one.lower() for one in form.several("domains")),
        capabilities=tuple(
            one for one in CAPABILITIES if form.is_ticked(f"{_CAN}{one}")
        ),
        cancel_url=form.text("cancel_url") or None,
    )


async def _find(visit: Visit, slug: str) -> Platform:
    async with visit.desk.read() as db:
        platform = await service.find(db, slug)
    if platform is None:
        raise NotHere("no platform is registered under this slug")
    return platform


def _page(
    visit: Visit,
    platform: Platform | None,
    profile: Profile,
    form: Form | None = None,
    wrong: InvalidFields | None = None,
) -> Response:
    faults = {} if wrong is None else faults_of(visit, wrong)
    return visit.page(
        "platform_profile.html",
        422 if faults else 200,
        platform=platform,
        profile=profile,
        slug="" if form is None else form.text("slug"),
        sandbox=form is not None and form.is_ticked("sandbox"),
        capabilities=CAPABILITIES,
        faults=faults,
        domains_fault="; ".join(
            words for where, words in faults.items() if where.startswith("/domains")
        ),
    )
