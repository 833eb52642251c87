"""Who visits, what they may see, and how they are answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol, cast
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from unbind_broker import __version__
from unbind_broker.base.ids import new_token
from unbind_broker.base.negotiation import language as choose_language
from unbind_broker.carriers import brakes
from unbind_broker.console import cookies, previews, rendering, words
from unbind_broker.console.desk import Desk
from unbind_broker.console.forms import Form
from unbind_broker.console.navigation import entries_for
from unbind_broker.console.previews import Effect
from unbind_broker.console.sessions import Session, seal, unseal
from unbind_broker.console.showing import Showing
from unbind_broker.console.static_files import address
from unbind_broker.console.wording import LANGUAGES, Language
from unbind_broker.keys import service as keys
from unbind_broker.keys.service import Key
from unbind_broker.keys.tables import Role

_FIRST = "/console"
THEMES = ("auto", "light", "dark")
_SAID = b"said"
_SAID_FOR = 60
_ONCE_BYTES = 12


class NotSignedIn(Exception):
    """There is no login, or it has ended."""


class WrongRole(Exception):
    """The key's role sees other pages."""


class Named(Protocol):
    """A platform, or a carrier."""

    @property
    def name_zh(self) -> str:
        """Give its name in Chinese."""
        ...

    @property
    def name_en(self) -> str:
        """Give its name in English."""
        ...


@dataclass
class Visit:
    """One request of one reader.

    ``key`` and ``session`` are None before the login, and on pages of errors.
    """

    request: Request
    desk: Desk
    now: datetime
    language: Language
    theme: str
    session: Session | None = None
    key: Key | None = None
    brakes: int = 0
    """How many are engaged; the head of every page says so."""

    @property
    def actor(self) -> str:
        """Name whoever acts in the audit trail, as the API does."""
        if self.key is None:
            raise NotSignedIn
        return f"{self.key.role}:{self.key.id}"

    @property
    def token(self) -> str:
        """Give what proves that a form was made for this login."""
        return "" if self.session is None else self.session.token

    @property
    def once(self) -> str:
        """Make what tells a form that counts once from every other."""
        return new_token(_ONCE_BYTES)

    def choice(self, name: str, value: str) -> str:
        """Say where a language or an appearance is chosen for this very page."""
        asked = self.request.query_params.multi_items()
        query = [pair for pair in asked if pair[0] != name]
        path = self.request.url.path if self.request.method == "GET" else _FIRST
        return f"{path}?{urlencode([*query, (name, value)])}"

    def has(self, address: str) -> bool:
        """Tell whether the menu of this reader holds an address of the console."""
        if self.key is None:
            return False
        path = address.partition("?")[0].partition("#")[0]
        return any(entry.holds(path) for entry in entries_for(self.key.role))

    @property
    def shows(self) -> Showing:
        """Show instants and figures in the reader's language."""
        return Showing(self.language, self.desk.settings.zone, self.now)

    def say(self, key: str, **values: object) -> str:
        """Say something in the reader's language."""
        return words.say(self.language, key, **values)

    def name_of(self, one: Named) -> str:
        """Name a platform or a carrier in the reader's language."""
        return one.name_zh if self.language == "zh" else one.name_en

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """Answer with a page; renews the login."""
        said = self._said()
        text = self._render(template, {**values, "said": said})
        answer = HTMLResponse(text, status_code=status)
        if said:
            cookies.drop(self.request, answer, cookies.SAID)
        self._renew(answer)
        return answer

    def fragment(self, template: str, **values: object) -> Response:
        """Answer with a part of a page, or 304 if the reader has it already.

        It does not renew the login: whoever only lets a page stand open is away.
        """
        text = self._render(template, values)
        etag = rendering.etag_of(text)
        headers = {"ETag": etag}
        if etag in self.request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return HTMLResponse(text, headers=headers)

    def go(self, path: str, said: str | None = None, **values: object) -> Response:
        """Lead on after an action (303), where ``said`` is then shown once."""
        answer = RedirectResponse(path, status_code=303)
        if said is not None:
            told: dict[str, object] = {"said": self.say(said, **values)}
            text = seal(self.desk.sessions.sealer, told, _SAID)
            cookies.put(self.request, answer, cookies.SAID, text, _SAID_FOR)
        self._renew(answer)
        return answer

    def preview(self, form: Form, effect: Effect) -> Response | None:
        """Show what an action would do; None where that was shown and confirmed.

        Fields that were changed, another effect than was shown, or an hour between
        the two lead to the preview again.
        """
        sealer = self.desk.sessions.sealer
        path = self.request.url.path
        shown = previews.judge(sealer, form, effect, (path, self.token), self.now)
        if shown is previews.Shown.CONFIRMED:
            return None
        proof = previews.prove(sealer, form, effect, (path, self.token), self.now)
        return self.page(
            "preview.html",
            effect=effect,
            fields=form.kept,
            proof=proof,
            outdated=shown is previews.Shown.OUTDATED,
        )

    def _render(self, template: str, values: dict[str, object]) -> str:
        return rendering.render(
            template,
            {
                "visit": self,
                "t": self.say,
                "show": self.shows,
                "static": address,
                "entries": () if self.key is None else entries_for(self.key.role),
                "path": self.request.url.path,
                "version": __version__,
                "zone": self.desk.settings.zone.key,
                "request_id": self.request.scope["state"].get("request_id", ""),
                **values,
            },
        )

    def _said(self) -> str:
        text = self.request.cookies.get(cookies.SAID, "")
        told = unseal(self.desk.sessions.sealer, text, _SAID)
        return "" if told is None else str(told["said"])

    def _renew(self, answer: Response) -> None:
        if self.session is not None and self.session.is_due(self.now):
            renewed = self.desk.sessions.write(self.session.seen(self.now))
            cookies.put(self.request, answer, cookies.SESSION, renewed, None)


async def any_visit(request: Request) -> Visit:
    """Find out how the reader wants to be spoken to, whoever it is."""
    desk = desk_of(request)
    chosen = request.cookies.get(cookies.LANGUAGE, "")
    spoken = ",".join(request.headers.getlist("accept-language"))
    if chosen not in LANGUAGES:
        chosen = choose_language(spoken, LANGUAGES)
    theme = request.cookies.get(cookies.THEME, "")
    visit = Visit(
        request=request,
        desk=desk,
        now=desk.clock.now(),
        language=cast("Language", chosen),
        theme=theme if theme in THEMES else "auto",
    )
    request.scope["state"]["visit"] = visit
    return visit


def desk_of(request: Request) -> Desk:
    """Return the desk that the application was made with."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)  # noqa: S101 - set by application, narrows Any
    return desk


async def signed_in(visit: Annotated[Visit, Depends(any_visit)]) -> Visit:
    """Find out who visits.

    Each time it is looked up whether the key lives and nobody has signed out.
    """
    cookie = visit.request.cookies.get(cookies.SESSION, "")
    session = visit.desk.sessions.read(cookie, visit.now)
    if session is None:
        raise NotSignedIn
    async with visit.desk.read() as db:
        key = await keys.find_of_login(db, session.key_id, session.token)
        engaged = await brakes.engaged(db)
    if key is None or not _lives(key, visit.now):
        raise NotSignedIn
    if session.is_secure:
        cookies.remember_secure(visit.request)
    visit.session, visit.key, visit.brakes = session, key, len(engaged)
    visit.request.scope["state"]["caller"] = visit.actor
    return visit


def _lives(key: Key, now: datetime) -> bool:
    ended = key.expires_at is not None and key.expires_at <= now
    return key.revoked_at is None and not ended and key.role in _MAY_ENTER


_MAY_ENTER = (Role.ADMIN, Role.AUDITOR)


def _of_role(*roles: Role) -> Callable[[Visit], Awaitable[Visit]]:
    async def check(visit: Annotated[Visit, Depends(signed_in)]) -> Visit:
        if visit.key is None or visit.key.role not in roles:
            raise WrongRole
        return visit

    return check


AnyVisit = Annotated[Visit, Depends(any_visit)]
"""Whoever comes, signed in or not."""
AdminVisit = Annotated[Visit, Depends(_of_role(Role.ADMIN))]
AuditVisit = Annotated[Visit, Depends(_of_role(*_MAY_ENTER))]
"""Administrators and auditors."""
