"""Everything that a rule needs to ask the endpoint and to hear what it says."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from unbind_broker.base.magic_numbers import Block
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.report import Report
from unbind_broker.conformance.answers import hear_answer
from unbind_broker.conformance.asked import Asked, ask_for, interval, span
from unbind_broker.conformance.desk import Desk
from unbind_broker.conformance.following import note_sent
from unbind_broker.conformance.manifests import Manifests
from unbind_broker.conformance.plan import Plan
from unbind_broker.conformance.posting import Headers, Poster, Sent, signed_by
from unbind_broker.conformance.said import CannotTell
from unbind_broker.deliveries.queue import REQUESTS
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import Action, OrderKind, Scope
from unbind_broker.sending.payloads import payload

FORMER = Scope.PREVIOUS_OWNER
PRESENT = Scope.CURRENT_OWNER

KEPT_OUT = 10
"""The first numbers of each block are never given out: rules name them themselves."""
_AT_ONCE = 24

Made = TypeVar("Made")


class Stage:
    """Ask one endpoint.

    ``mute`` says why nothing can be asked, ``unseeded`` why no test number can be
    relied on; ``queries_change`` is one such reason.
    """

    def __init__(
        self,
        plan: Plan,
        poster: Poster,
        desk: Desk,
        manifests: Manifests,
        now: Callable[[], datetime],
    ) -> None:
        self.plan = plan
        self.poster = poster
        self.desk = desk
        self.manifests = manifests
        self.now = now
        self.signed: Headers = signed_by(plan.secret)
        self.mute: CannotTell | None = None
        self.unseeded: CannotTell | None = None
        self.queries_change = False
        self._known: dict[tuple[str, Scope], list[PhoneNumber]] = {}
        self._looked: dict[str, int] = {}
        self._missed: dict[str, int] = {}
        self._looking = asyncio.Lock()
        self._made: dict[str, asyncio.Future[Any]] = {}

    def new(
        self,
        kind: OrderKind,
        number: PhoneNumber,
        scope: Scope = FORMER,
        action: Action | None = None,
        *,
        age: timedelta = timedelta(0),
    ) -> Asked:
        """Make an item, which the carrier asked for some time ago; nothing is sent."""
        if action is None and kind is not OrderKind.QUERY:
            action = Action.DETACH
        at = self.now() - age
        asked = ask_for(at, kind, number, scope, action, self.plan.domains)
        return self.desk.expect(asked)

    def new_query(
        self, number: PhoneNumber, scope: Scope, begin: datetime | None, end: datetime
    ) -> Asked:
        """Make a query about an interval of its own."""
        made = self.new(OrderKind.QUERY, number, scope)
        made.outgoing = replace(made.outgoing, bound_from=begin, bound_before=end)
        made.question = replace(made.question, bound_from=begin, bound_before=end)
        return made

    def new_clearance_restore(self, clearance: UUID, number: PhoneNumber) -> Asked:
        """Make the item that asks to undo what a clearance did to a number."""
        made = self.new(OrderKind.RESTORE, number)
        made.outgoing = replace(made.outgoing, restores=clearance, of_clearance=True)
        return made

    def new_restore(self, undone: Asked) -> Asked:
        """Make the item that asks to undo another one."""
        number = undone.outgoing.number
        assert number is not None  # noqa: S101 - the kit's own numbers are readable
        made = self.new(OrderKind.RESTORE, number, undone.outgoing.scope)
        made.outgoing = replace(
            made.outgoing,
            bound_from=undone.outgoing.bound_from,
            bound_before=undone.outgoing.bound_before,
            restores=undone.outgoing.order_id,
        )
        return made

    def body_of(self, asked: Sequence[Asked]) -> bytes:
        """Write the request for some items of one kind."""
        contents = [one.outgoing for one in asked]
        return payload(REQUESTS[contents[0].kind], self.now(), contents)

    async def post(
        self,
        asked: Sequence[Asked],
        *,
        headers: Headers | None = None,
        body: bytes | None = None,
        webhook_id: str | None = None,
    ) -> Sent:
        """Send items together and read the results in the answer.

        With anything out of the ordinary the rule that sends it judges the answer.
        """
        at = asyncio.get_running_loop().time()
        note_sent(asked)
        for one in asked:
            one.sent_at = one.sent_at or at
        is_usual = headers is None and body is None and webhook_id is None
        sent = await self.poster.post(
            body or self.body_of(asked),
            headers or self.signed,
            webhook_id,
            is_usual=is_usual and not any(one.repeated for one in asked),
        )
        signed = self.plan.result_public_key is not None
        hear_answer(self.desk, sent, must_be_signed=signed)
        return sent

    async def tell(self, body: bytes) -> Sent:
        """Send something that asks for no result; who sends it judges the answer."""
        return await self.poster.post(body, self.signed, is_usual=False)

    async def take(self, *asked: Asked) -> None:
        """Send items together; raises ``CannotTell`` if they are not taken."""
        sent = await self.post(asked)
        if not sent.is_taken:
            raise CannotTell(
                f"请求未被接收：{sent.seen_zh}（见 taken）",
                f"the request was not taken: {sent.seen} (see taken)",
            )

    async def ask(self, *asked: Asked) -> Report:
        """Send items together and give the final result of the first of them."""
        await self.take(*asked)
        return await self.desk.result(asked[0])

    async def query(self, number: PhoneNumber, scope: Scope = FORMER) -> Report:
        """Ask what is bound."""
        return await self.ask(self.new(OrderKind.QUERY, number, scope))

    async def unbind(self, number: PhoneNumber, scope: Scope = FORMER) -> Report:
        """Have a number detached."""
        return await self.ask(self.new(OrderKind.UNBIND, number, scope))

    async def once(self, name: str, make: Callable[[], Awaitable[Made]]) -> Made:
        """Do something that several rules look at, the first time one asks for it."""
        if name not in self._made:
            self._made[name] = asyncio.ensure_future(make())
        made: Made = await asyncio.shield(self._made[name])
        return made

    async def bound_number(self, block: Block, scope: Scope = FORMER) -> PhoneNumber:
        """Give a number that the endpoint has just said to have all its bindings.

        What earlier runs have detached is passed over. Raises ``CannotTell``.
        """
        if self.unseeded is not None:
            raise self.unseeded
        async with self._looking:
            key = (block.name, scope)
            while not (known := self._known.setdefault(key, [])):
                known += await self._look(block, scope)
            return known.pop(0)

    async def _look(self, block: Block, scope: Scope) -> list[PhoneNumber]:
        begin = self._looked.get(block.name, KEPT_OUT)
        if begin >= block.size:
            raise CannotTell(
                f"测试号码 {span(block)} 没有一个已绑定：请种入（--numbers）；"
                "若此前的检验已用完，请重新种入",
                f"none of the test numbers {span(block)} is bound: seed them "
                "(--numbers), or anew if earlier trials have used them up",
            )
        end = min(begin + min(self.plan.max_batch, _AT_ONCE), block.size)
        found = await self._bound_among(block, range(begin, end), scope)
        missed = self._missed.get(block.name, 0) + (not found)
        self._missed[block.name] = missed
        # Of a store without any it is to be known soon, so steps grow.
        self._looked[block.name] = end if found else end + missed * (end - begin)
        return found

    async def _bound_among(
        self, block: Block, copies: range, scope: Scope
    ) -> list[PhoneNumber]:
        numbers = [block.number(copy) for copy in copies]
        for one in (scope, *_others(scope)):
            # The other holder's bindings were perhaps detached by an earlier run.
            wanted = len(block.bound_in(*interval(one, self.now())))
            if numbers and (wanted or one is scope):
                numbers = await self._fully_bound(numbers, one, wanted)
        return numbers

    async def _fully_bound(
        self, numbers: Sequence[PhoneNumber], scope: Scope, wanted: int
    ) -> list[PhoneNumber]:
        asked = [self.new(OrderKind.QUERY, number, scope) for number in numbers]
        await self.ask(*asked)
        results = [await self.desk.result(one) for one in asked]
        return [
            number
            for number, result in zip(numbers, results, strict=True)
            if result.outcome is ItemStatus.BOUND
            and (result.bindings or wanted) >= wanted
        ]


def _others(scope: Scope) -> list[Scope]:
    return [one for one in (FORMER, PRESENT) if one is not scope]
