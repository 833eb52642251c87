"""Sign in with a key, and out."""

import re
from datetime import datetime, timedelta

from fastapi import APIRouter, Response

from unbind_broker.audit.trail import Fact, record
from unbind_broker.console import cookies
from unbind_broker.console.desk import Desk
from unbind_broker.console.navigation import home_of
from unbind_broker.console.posting import Posted, PostedByAnybody
from unbind_broker.console.problems import LOGIN
from unbind_broker.console.sessions import Session
from unbind_broker.console.visits import AnyVisit, AuditVisit, Visit
from unbind_broker.keys.service import Caller, find_caller, looks_like_key
from unbind_broker.keys.spent import spend
from unbind_broker.keys.tables import Role

router = APIRouter(prefix="/console", include_in_schema=False)

_ROLES = (Role.ADMIN, Role.AUDITOR)
_OWN_PAGE = re.compile(r"/console(?:[/?][\w/?&=.,%+~:-]*)?", re.ASCII)
_LONGEST_PATH = 500


@router.get("/login")
async def show_login(visit: AnyVisit) -> Response:
    """Ask for a key."""
    return _asked(visit, 200, visit.request.query_params.get("next", ""))


@router.post("/login")
async def sign_in(visit: AnyVisit, form: PostedByAnybody) -> Response:
    """Begin a login with the key of an administrator or an auditor.

    A living key passes whatever others have tried from the same address.
    """
    desk, now, wanted = visit.desk, visit.now, form.text("next")
    address, text = _address(visit), form.text("key")
    wait = desk.attempts.wait(address, now)
    if wait > timedelta(0) and not await desk.living.holds(text):
        answer = _asked(visit, 429, wanted, "login.wait")
        answer.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
        return answer
    caller = await _caller(desk, now, text)
    if caller is None or caller.role not in _ROLES:
        await _note_failure(desk, now, address)
        return _asked(visit, 422, wanted, "login.refused")
    is_secure = cookies.is_secure(visit.request)
    session = desk.sessions.begin(caller.key_id, now, is_secure=is_secure)
    before = _session_of(visit)
    async with desk.write() as db:
        if before is not None:
            await spend(db, before.token, before.lasts_until)
        fact = Fact(caller.actor, "console.signed_in", facts={"via": "console"})
        await record(db, now, fact)
    answer = visit.go(_allowed(wanted) or home_of(caller.role))
    written = desk.sessions.write(session)
    cookies.put(visit.request, answer, cookies.SESSION, written, None)
    return answer


@router.post("/logout")
async def sign_out(visit: AuditVisit, form: Posted) -> Response:
    """End this login: no copy of its cookie opens anything from now on."""
    del form
    async with visit.desk.write() as db:
        if visit.session is not None:
            await spend(db, visit.session.token, visit.session.lasts_until)
        fact = Fact(visit.actor, "console.signed_out", facts={"via": "console"})
        await record(db, visit.now, fact)
    visit.session = None
    answer = visit.go(LOGIN, "login.ended")
    cookies.drop(visit.request, answer, cookies.SESSION)
    return answer


@router.get("/session")
async def show_session(visit: AuditVisit) -> Response:
    """Show who is signed in, until when, and what the pages look like."""
    return visit.page("session.html")


async def _caller(desk: Desk, now: datetime, text: str) -> Caller | None:
    if not looks_like_key(text):
        return None
    async with desk.read() as db:
        return await find_caller(db, now, text)


async def _note_failure(desk: Desk, now: datetime, address: str) -> None:
    """Tell the trail how many logins failed since it was told last, not each."""
    if failures := desk.attempts.failed(address, now):
        facts = {"via": "console", "failures": failures}
        async with desk.write() as db:
            await record(db, now, Fact("broker", "console.login_failed", facts=facts))


def _session_of(visit: Visit) -> Session | None:
    """Read the login that a new one takes the place of."""
    cookie = visit.request.cookies.get(cookies.SESSION, "")
    return visit.desk.sessions.read(cookie, visit.now)


def _asked(visit: Visit, status: int, wanted: str, fault: str = "") -> Response:
    return visit.page("login.html", status, next=_allowed(wanted), fault=fault)


def _allowed(wanted: str) -> str:
    """Lead to the console's own pages only."""
    fits = len(wanted) <= _LONGEST_PATH and _OWN_PAGE.fullmatch(wanted) is not None
    strays = any(one in wanted for one in ("..", "//")) or wanted.startswith(LOGIN)
    return wanted if fits and not strays else ""


def _address(visit: Visit) -> str:
    client = visit.request.client
    return "" if client is None else client.host
