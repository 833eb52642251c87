"""The door: who is over its rate, or comes while all places are taken, goes no further.

Nothing here asks the database: a refusal must cost less than what it refuses.
"""

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unbind_broker.api.admission import AdaptiveAdmission, Overloaded, Place
from unbind_broker.api.key_lookups import KnownKeys
from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.problems import problem
from unbind_broker.api.rates import Quota, RateLimited, Rates
from unbind_broker.api.tallies import ApiTallies

ADMITTED = frozenset({("POST", "/v1/orders"), ("POST", "/v1/queries")})
"""What a crowd sends; each holds a place until it is stored."""
_BEARER = b"bearer "


class Door:
    """What the process knows about who may come in at this moment."""

    def __init__(
        self,
        rates: Rates,
        orders: AdaptiveAdmission,
        tallies: ApiTallies | None = None,
    ) -> None:
        self.rates = rates
        self.orders = orders
        self.tallies = tallies or ApiTallies()
        self.known = KnownKeys()
        self.closing = False
        """Set when the process is about to end: callers are asked to go elsewhere."""

    def count(self, key_text: str | None) -> Quota | None:
        """Count a call of a known caller; raises ``RateLimited``. None: not known."""
        caller = None if key_text is None else self.known.find(key_text)
        return None if caller is None else self.rates.take(caller.actor)

    def rehearses(self, key_text: str | None) -> bool:
        """Tell whether this is known as a key that somebody rehearses with."""
        caller = None if key_text is None else self.known.find(key_text)
        return caller is not None and caller.sandbox

    def require_room(self, method: str, path: str) -> None:
        """Raise ``Overloaded`` for what needs a place while there is none."""
        if (method, path) in ADMITTED:
            self.orders.require_room()


class AtTheDoor:
    """Refuse early, and tell callers in every answer what is left to them."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._fields(state)]
                leave_place(scope)  # who does not read the answer keeps nobody out
            await send(message)

        try:
            self._judge(scope, state)
        except (RateLimited, Overloaded) as refusal:
            state["rehearses"] = self.door.rehearses(bearer_of(scope["headers"]))
            request = Request(scope)
            kind = KINDS[refusal.code]
            answer = problem(request, kind, refusal.detail, headers=refusal.headers)
            await answer(scope, receive, send_with_fields)
            return
        try:
            await self.app(scope, receive, send_with_fields)
        finally:
            leave_place(scope)

    def _judge(self, scope: Scope, state: dict[str, object]) -> None:
        if "place" in state:
            return  # judged already, when its bytes came
        try:
            quota = self.door.count(bearer_of(scope["headers"]))
        except RateLimited as refusal:
            state["quota"] = refusal.quota
            raise
        if quota is not None:
            state["quota"] = quota
        self.door.require_room(scope["method"], scope["path"])

    def _fields(self, state: dict[str, object]) -> list[tuple[bytes, bytes]]:
        quota = state.get("quota")
        told = list(quota.fields) if isinstance(quota, Quota) else []
        if self.door.closing:
            told.append((b"connection", b"close"))
        return told


class Inside:
    """Let a request that is here as a whole hold a place until it is answered.

    ``AtTheDoor`` gives it back, if nobody did before.
    """

    def __init__(self, app: ASGIApp, orders: AdaptiveAdmission) -> None:
        self.app = app
        self.orders = orders

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or (scope["method"], scope["path"]) not in ADMITTED:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        try:
            if "place" not in state:
                state["place"] = self.orders.take()
        except Overloaded as refusal:
            kind = KINDS[refusal.code]
            headers = refusal.headers
            answer = problem(Request(scope), kind, refusal.detail, headers=headers)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def leave_place(scope: Scope) -> None:
    """Give the place of a request back before its end: it only waits from here on."""
    place = scope.get("state", {}).get("place")
    if isinstance(place, Place):
        place.release()


def bearer_of(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Read the key that a request carries, whatever it is worth."""
    for name, value in headers:
        if name == b"authorization":
            return key_in(value)
    return None


def key_in(authorization: bytes) -> str | None:
    """Read the key of an ``Authorization`` header (RFC 6750 §2.1)."""
    if authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].decode("latin-1")
