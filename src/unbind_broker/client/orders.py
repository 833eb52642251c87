"""Queries (一键查询) and orders (一键解绑)."""

from collections.abc import AsyncIterator, Sequence

from unbind_broker.client.calls import Call
from unbind_broker.client.lists import read_all
from unbind_broker.client.order_shapes import (
    ListedOrder,
    Order,
    OrderPage,
    Question,
    Unbinding,
)
from unbind_broker.client.placing import Placing, waiting
from unbind_broker.client.shapes import read


class Queries(Placing):
    """Ask which bindings exist. Nothing is changed anywhere."""

    path = "/v1/queries"

    async def place(
        self,
        question: Question,
        *,
        wait: int | None = None,
        idempotency_key: str | None = None,
    ) -> Order:
        """Ask; with ``wait``, for that many seconds, until every item is final.

        Repeated tries carry one ``Idempotency-Key``: they ask once. Give your own to be
        safe beyond this process as well.
        """
        return await self._place(question, wait, idempotency_key)


class Orders(Placing):
    """Have bindings detached, and take that back."""

    path = "/v1/orders"

    async def place(
        self,
        unbinding: Unbinding,
        *,
        wait: int | None = None,
        idempotency_key: str | None = None,
    ) -> Order:
        """Order; with ``wait``, for that many seconds, until every item is final.

        Repeated tries carry one ``Idempotency-Key``: they order once. Give your own to
        be safe beyond this process as well.
        """
        return await self._place(unbinding, wait, idempotency_key)

    def search(self, number: str) -> AsyncIterator[ListedOrder]:
        """Give your orders about a number, newest first; it stands in no URL."""
        call = Call("POST", f"{self.path}/search").with_json({"number": number})
        return read_all(self._calls, call, OrderPage)

    async def cancel(self, order_id: str) -> Order:
        """Call an order back. Twice is like once, so every failure is tried again.

        Raises ``AlreadyCompleted`` and ``UndoesViolation``.
        """
        answer = await self._calls.make(Call("POST", f"{self._at(order_id)}/cancel"))
        return read(Order, answer.content)

    async def restore(
        self,
        order_id: str,
        reason: str,
        *,
        platforms: Sequence[str] | None = None,
        wait: int | None = None,
        idempotency_key: str | None = None,
    ) -> Order:
        """Have platforms attach again what they detached; gives the restore order."""
        named = {} if platforms is None else {"platforms": list(platforms)}
        call = Call("POST", f"{self._at(order_id)}/restore")
        call = call.with_json({"reason": reason, **named}).once(idempotency_key)
        answer = await self._calls.make(waiting(call, wait))
        return read(Order, answer.content)
