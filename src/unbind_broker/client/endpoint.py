"""Your own endpoint: where the broker posts its webhooks."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.lists import read_all
from unbind_broker.client.retrying import Repeat
from unbind_broker.client.shapes import Page, Shape, instant, read

PATH = "/v1/endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChoice:
    """How you want to be reached; replaces everything chosen before."""

    url: str
    max_batch: int = 50
    max_concurrency: int = 4
    max_rate: float | None = None
    event_types: Sequence[str] | None = None


class EndpointState(Shape):
    """Where the broker posts, and whether it does. ``secret`` is told once."""

    status: str
    delivery: str
    url: str | None = None
    pending_url: str | None = None
    event_types: list[str] | None = None
    paused_by: str | None = None
    disabled_reason: str | None = None
    verified_at: AwareDatetime | None = None
    health: dict[str, Any] | None = None
    secret: str | None = Field(default=None, repr=False)


class TestOutcome(Shape):
    """What came of a test webhook."""

    webhook_id: str
    status_code: int | None = None
    milliseconds: int = 0
    error: str | None = None


class Redelivery(Shape):
    """How many events go out again."""

    scheduled: int = 0
    unknown: int = 0
    closed: int = 0
    skipped: int = 0
    until: AwareDatetime | None = None
    next_since: AwareDatetime | None = None


class SentAttempt(Shape):
    """One signed request to your endpoint, and what came of it."""

    id: str
    type: str
    webhook_id: str
    started_at: AwareDatetime
    outcome: str
    status_code: int | None = None
    error: str | None = None


class SentAttempts(Page[SentAttempt]):
    """Attempts, newest first."""


class Endpoint:
    """Register, verify, watch and steer it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def get(self) -> EndpointState:
        """Read it; raises ``NotFound`` while there is none."""
        answer = await self._calls.make(Call("GET", PATH))
        return read(EndpointState, answer.content)

    async def register(self, choice: EndpointChoice) -> EndpointState:
        """Register or replace it. ``secret`` comes with the first registration only.

        Should that answer be lost, ``rotate_secret`` makes another.
        """
        types = choice.event_types
        body = {
            "url": choice.url,
            "max_batch": choice.max_batch,
            "max_concurrency": choice.max_concurrency,
            "max_rate": choice.max_rate,
            "event_types": None if types is None else list(types),
        }
        # Not repeated blindly: the first answer holds the secret, a second one not.
        return await self._steered("PUT", "", body)

    async def verify(self) -> EndpointState:
        """Prove that the secret is installed; raises ``EndpointRefused``."""
        answer = await self._calls.make(Call("POST", f"{PATH}/verify").patient(15))
        return read(EndpointState, answer.content)

    async def rotate_secret(self, grace_seconds: int = 86_400) -> EndpointState:
        """Change the secret; the old one signs along for a while.

        Never repeated where the first call may have been carried out: a second
        rotation would end the secret that is installed.
        """
        return await self._steered(
            "POST", "/rotate-secret", {"grace_seconds": grace_seconds}
        )

    async def pause(self) -> EndpointState:
        """Hold back what is sent to you."""
        return read(EndpointState, (await self._said("pause")).content)

    async def resume(self) -> EndpointState:
        """Let it go out again."""
        return read(EndpointState, (await self._said("resume")).content)

    async def test(self) -> TestOutcome:
        """Have a test webhook sent."""
        return read(TestOutcome, (await self._said("test")).content)

    async def redeliver(
        self, *, since: datetime | None = None, events: Sequence[str] | None = None
    ) -> Redelivery:
        """Have events sent again: since an instant, or those named by id."""
        body = {"since": instant(since)} if since is not None else {}
        more = {} if events is None else {"items": list(events)}
        call = Call("POST", f"{PATH}/redeliver", repeat=Repeat.UNSENT)
        answer = await self._calls.make(call.with_json({**body, **more}))
        return read(Redelivery, answer.content)

    def attempts(self) -> AsyncIterator[SentAttempt]:
        """Give what was sent to you, newest first."""
        return read_all(self._calls, Call("GET", f"{PATH}/attempts"), SentAttempts)

    async def _said(self, verb: str) -> Any:
        return await self._calls.make(Call("POST", f"{PATH}/{verb}").patient(15))

    async def _steered(self, method: str, verb: str, body: object) -> EndpointState:
        call = Call(method, f"{PATH}{verb}", repeat=Repeat.UNSENT).with_json(body)
        return read(EndpointState, (await self._calls.make(call)).content)
