"""Keys: list them, issue one, end one."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import KeyId
from unbind_broker.console import cookies
from unbind_broker.console.field_faults import faults_of
from unbind_broker.console.forms import Form
from unbind_broker.console.posting import Posted, require_first
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.sessions import seal, unseal
from unbind_broker.console.visits import AdminVisit
from unbind_broker.intake.key_holders import Wanted, find_holder
from unbind_broker.keys import service
from unbind_broker.keys.service import IssuedKey, Key
from unbind_broker.keys.tables import Role

HOME = "/console/keys"
PER_PAGE = 50
_ISSUED = b"issued key"
_ISSUED_FOR = 60

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def list_keys(
    visit: AdminVisit, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> Response:
    """List keys in the order in which they were issued, ended ones too."""
    return await _page(visit, after)


@router.post("/issue")
async def issue_key(visit: AdminVisit, form: Posted) -> Response:
    """Issue a key, and lead to the page that shows it this once."""
    try:
        wanted = _wanted(form)
        async with visit.desk.write() as db:
            await require_first(db, visit, form)
            holder = await find_holder(db, visit.now, wanted, visit.actor)
            name = form.text("name") or wanted.role
            issued = await service.issue(db, visit.now, holder, name, None, visit.actor)
    except InvalidFields as wrong:
        return await _page(visit, 0, form, wrong)
    return _hand_over(visit, issued)


@router.get("/issued")
async def show_issued(visit: AdminVisit) -> Response:
    """Show the key that this login has just issued; a reload leads to the list."""
    text = visit.request.cookies.get(cookies.ISSUED, "")
    issued = unseal(visit.desk.sessions.sealer, text, _ISSUED)
    if issued is None or issued["token"] != visit.token or _is_over(visit, issued):
        return visit.go(HOME)
    answer = visit.page("key_issued.html", 200, issued=issued)
    cookies.drop(visit.request, answer, cookies.ISSUED)
    return answer


@router.post("/revoke")
async def revoke_key(visit: AdminVisit, form: Posted) -> Response:
    """End a key at once, once that was previewed."""
    key_id = KeyId(form.number("key"))
    async with visit.desk.write() as db:
        key = await service.find(db, key_id)
        if key is None or key.revoked_at is not None:
            raise NotHere("this key has ended already, or there is none with this id")
        asks = visit.preview(form, _effect(visit, key))
        if asks is not None:
            return asks
        await service.revoke(db, visit.now, key_id, visit.actor)
    return visit.go(HOME, "keys.revoked", id=key_id)


def _hand_over(visit: AdminVisit, issued: IssuedKey) -> Response:
    """Lead on, so that a reload issues no further key.

    The key waits in a sealed cookie, for this login alone and for a minute.
    """
    fields: dict[str, object] = {
        "id": issued.id,
        "name": issued.name,
        "role": issued.role.value,
        "key": issued.key,
        "token": visit.token,
        "until": int(visit.now.timestamp()) + _ISSUED_FOR,
    }
    text = seal(visit.desk.sessions.sealer, fields, _ISSUED)
    answer = visit.go(f"{HOME}/issued")
    cookies.put(visit.request, answer, cookies.ISSUED, text, _ISSUED_FOR)
    return answer


def _is_over(visit: AdminVisit, issued: dict[str, object]) -> bool:
    return int(str(issued["until"])) <= visit.now.timestamp()


def _effect(visit: AdminVisit, key: Key) -> Effect:
    lines = (
        ("keys.id", str(key.id)),
        ("keys.name", key.name),
        ("keys.role", visit.say(f"role.{key.role}")),
        ("keys.holder", key.carrier_slug or key.platform_slug or "–"),
        ("keys.hint", f"…{key.hint}"),
    )
    own = visit.key is not None and visit.key.id == key.id
    warning = "keys.revoke.own" if own else "keys.revoke.warning"
    return Effect("keys.revoke", "keys.revoke", HOME, lines, warning)


def _wanted(form: Form) -> Wanted:
    words = [str(role) for role in Role]
    if form.text("role") not in words:
        raise InvalidFields.at("/role", "expected one of the roles")
    role = next(role for role in Role if role == form.text("role"))
    return Wanted(
        role,
        carrier=form.text("carrier") or None,
        platform=form.text("platform") or None,
        sandbox=form.is_ticked("sandbox"),
    )


async def _page(
    visit: AdminVisit,
    after: int,
    form: Form | None = None,
    wrong: InvalidFields | None = None,
) -> Response:
    async with visit.desk.read() as db:
        found = await service.list_page(db, after, PER_PAGE + 1)
    shown = found[:PER_PAGE]
    more = f"{HOME}?after={shown[-1].id}" if len(found) > PER_PAGE else ""
    return visit.page(
        "keys.html",
        200 if wrong is None else 422,
        keys=shown,
        more=more,
        first=HOME if after else "",
        roles=list(Role),
        filled={} if form is None else form.kept,
        faults={} if wrong is None else faults_of(visit, wrong),
    )
