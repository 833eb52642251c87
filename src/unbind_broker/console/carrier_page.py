"""One carrier: what is known of it, changed once that was previewed; register one."""

import json
from dataclasses import asdict

from fastapi import APIRouter, Response

from unbind_broker.base.errors import InvalidFields
from unbind_broker.carriers import brakes, service
from unbind_broker.carriers.jwks import Jwks, checked_jwks, key_ids
from unbind_broker.carriers.service import Carrier, CarrierChanges, NewCarrier
from unbind_broker.carriers.tables import CarrierStatus
from unbind_broker.console.field_faults import faults_of
from unbind_broker.console.forms import Form
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.registering import Lines, changes, whole
from unbind_broker.console.visits import AdminVisit, Visit

HOME = "/console/carriers"
NEW = f"{HOME}/-/new"
_FIELD = "carrier."

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("/-/new")
async def ask_new(visit: AdminVisit) -> Response:
    """Ask for a carrier to be registered."""
    return await _page(visit, None)


@router.post("/-/new")
async def add_carrier(visit: AdminVisit, form: Posted) -> Response:
    """Register a carrier, once that was previewed."""
    slug = form.text("slug")
    try:
        new = NewCarrier(
            slug,
            form.text("name_zh") or slug,
            form.text("name_en") or slug,
            _jwks(form),
            form.is_ticked("attestation_required"),
        )
        async with visit.desk.write() as db:
            if await service.find(db, slug) is not None:
                raise InvalidFields.at("/slug", "this slug is taken")
            trial = await db.begin_nested()
            await service.add(db, visit.now, new, visit.actor)
            await trial.rollback()
            lines = whole(visit, _FIELD, {**asdict(new), "jwks": key_ids(new.jwks)})
            words = "carrier.new"
            if asks := visit.preview(form, Effect(words, words, NEW, lines)):
                return asks
            await service.add(db, visit.now, new, visit.actor)
    except InvalidFields as wrong:
        return await _page(visit, None, form, wrong)
    return visit.go(f"{HOME}/{slug}", "carrier.added", slug=slug)


@router.get("/{slug}")
async def show_carrier(visit: AdminVisit, slug: str) -> Response:
    """Show what is known of a carrier, to be changed."""
    return await _page(visit, await _find(visit, slug))


@router.post("/{slug}/change")
async def change_carrier(visit: AdminVisit, slug: str, form: Posted) -> Response:
    """Change a carrier's names, keys and demands, once that was previewed."""
    carrier, back = await _find(visit, slug), f"{HOME}/{slug}"
    try:
        asked = _asked(form)
        new = {
            name: one for name, one in asked.items() if one != getattr(carrier, name)
        }
        if not new:
            return visit.go(back, "carrier.same")
        wanted = CarrierChanges(**new)  # type: ignore[arg-type] # by name
        async with visit.desk.write() as db:
            trial = await db.begin_nested()
            await service.change(db, visit.now, slug, wanted, visit.actor)
            await trial.rollback()
            if asks := visit.preview(form, _effect(visit, carrier, new)):
                return asks
            await service.change(db, visit.now, slug, wanted, visit.actor)
    except InvalidFields as wrong:
        return await _page(visit, carrier, form, wrong)
    return visit.go(back, "carrier.changed")


def _effect(visit: Visit, carrier: Carrier, new: dict[str, object]) -> Effect:
    words, back = "carrier.change", f"{HOME}/{carrier.slug}"
    lines: Lines = (("carrier.slug", carrier.slug),)
    before = {name: getattr(carrier, name) for name in new}
    warning = None
    if "jwks" in new:
        wanted: Jwks = new["jwks"]  # type: ignore[assignment] # as ``_asked`` gives it
        before["jwks"] = key_ids(carrier.jwks)
        new = {**new, "jwks": key_ids(wanted)}
        if _keys_of(carrier.jwks) - _keys_of(wanted):
            warning = "carrier.keys.warning"
    lines += changes(visit, _FIELD, before, new)
    return Effect(words, words, back, lines, warning)


def _keys_of(jwks: Jwks | None) -> set[str]:
    """Give each key of a set as one text: another key under one id differs."""
    keys = (jwks or {}).get("keys")
    listed = keys if isinstance(keys, list) else []
    return {json.dumps(key, sort_keys=True) for key in listed}


def _asked(form: Form) -> dict[str, object]:
    """Read what was filled in; keys that were left out stay as they are."""
    jwks = _jwks(form)
    return {
        "name_zh": form.required("name_zh"),
        "name_en": form.required("name_en"),
        "attestation_required": form.is_ticked("attestation_required"),
        **({} if jwks is None else {"jwks": jwks}),
    }


def _jwks(form: Form) -> Jwks | None:
    text = form.text("jwks")
    try:
        told = json.loads(text) if text else None
    except (ValueError, RecursionError):
        told = False
    if told is None:
        return None
    if not isinstance(told, dict):
        raise InvalidFields.at("/jwks", 'expected a JWK set: {"keys": […]}')
    return checked_jwks(told)  # before anything walks through it, however deep


async def _find(visit: Visit, slug: str) -> Carrier:
    async with visit.desk.read() as db:
        carrier = await service.find(db, slug)
    if carrier is None:
        raise NotHere("no carrier is registered under this slug")
    return carrier


async def _page(
    visit: Visit,
    carrier: Carrier | None,
    form: Form | None = None,
    wrong: InvalidFields | None = None,
) -> Response:
    async with visit.desk.read() as db:
        stopped = await brakes.stopped(db)
    faults = {} if wrong is None else faults_of(visit, wrong)
    known = {} if carrier is None else vars(carrier)
    return visit.page(
        "carrier.html",
        422 if faults else 200,
        carrier=carrier,
        suspended=carrier is not None and carrier.status is CarrierStatus.SUSPENDED,
        braked=carrier is not None and stopped.holds(carrier.id),
        kids=[] if carrier is None else key_ids(carrier.jwks),
        filled=known if form is None else form.kept,
        faults=faults,
        jwks_fault="; ".join(
            words for where, words in faults.items() if where.startswith("/jwks")
        ),
        rate=visit.desk.settings.carrier_rate,
        burst=visit.desk.settings.carrier_burst,
    )
