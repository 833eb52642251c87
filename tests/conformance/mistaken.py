"""Platforms that are right but for one mistake of the kind that people make.

Each is a class: what it does otherwise than ``Platform`` is its mistake.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from typing_extensions import override

from tests.conformance.accounts import Accounts, Binding, Line, read
from tests.conformance.platform import Platform
from tests.conformance.verifying import (
    SIGNATURE,
    TOLERANCE,
    Refusal,
    age_of,
    signature_of,
)

Headers = dict[str, str]
_MIDNIGHTS = ZoneInfo("Asia/Shanghai")


def parsed(body: bytes) -> Line:
    event: Line = json.loads(body)
    return event


class VerifiesRequestsOnly(Platform):
    """Thinks that nothing but a request for something needs to be signed."""

    @override
    def verified(self, headers: Headers, body: bytes) -> Line:
        is_request = b'"type"' not in body or b".requested" in body
        return super().verified(headers, body) if is_request else parsed(body)


class ShowsChallengeToAnyone(Platform):
    """Answers the challenge before the secret is installed, and for ever after."""

    @override
    def verified(self, headers: Headers, body: bytes) -> Line:
        is_challenge = b'"endpoint.verification"' in body
        return parsed(body) if is_challenge else super().verified(headers, body)


class ComparesWhatIsGiven(Platform):
    """Compares as many characters as the sender has given."""

    @override
    def verified(self, headers: Headers, body: bytes) -> Line:
        expected = signature_of(self.secret, headers, body)
        given = headers.get(SIGNATURE, "")
        is_fresh = abs(age_of(headers)) < TOLERANCE
        if is_fresh and given.startswith("v1,") and expected.startswith(given):
            return parsed(body)
        return super().verified(headers, body)


class ChokesOnLetters(Platform):
    """Compares texts with a function that takes ASCII only."""

    @override
    def verified(self, headers: Headers, body: bytes) -> Line:
        if not headers.get(SIGNATURE, "").isascii():
            raise Refusal(500)
        return super().verified(headers, body)


class ChokesOnFarTimes(Platform):
    """Makes a date of the timestamp, whatever its size."""

    @override
    def verified(self, headers: Headers, body: bytes) -> Line:
        if len(headers.get("webhook-timestamp", "")) > 15:
            raise Refusal(500)
        return super().verified(headers, body)


class ReadsBeforeItVerifies(Platform):
    """Reads the JSON first, and does not expect anything else."""

    @override
    def verified(self, headers: Headers, body: bytes) -> Line:
        try:
            json.loads(body)
        except ValueError:
            raise Refusal(500) from None
        return super().verified(headers, body)


class WantsOneHeader(Platform):
    """Looks whether one of the headers is there, and then reads all three."""

    @override
    def verified(self, headers: Headers, body: bytes) -> Line:
        if SIGNATURE in headers and "webhook-id" not in headers:
            raise Refusal(500)
        return super().verified(headers, body)


class GoesByTheFirst(Platform):
    """Applies the interval of the first item to the whole batch."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        items = event["data"]["items"]
        first = {name: items[0][name] for name in ("bound_from", "bound_before")}
        event["data"]["items"] = [{**item, **first} for item in items]
        return await super().take(event, webhook_id)


class KeepsOneOfANumber(Platform):
    """Puts the items of a batch into a table by their numbers."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        by_number = {item["number"]: item for item in event["data"]["items"]}
        event["data"]["items"] = list(by_number.values())
        return await super().take(event, webhook_id)


class PassesOverKnownBatches(Platform):
    """Takes a batch for a repetition if one of its items is."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        items = event["data"]["items"]
        known = [item for item in items if item["id"] in self.results]
        event["data"]["items"] = known or items
        return await super().take(event, webhook_id)


class GoesByTheBeginning(Platform):
    """Takes whatever type begins with "unbind." for an order to unbind."""

    @override
    async def hear(self, kind: str, data: Any) -> web.Response:
        known = {"unbind.cancelled", "unbind.reminder"}
        if kind.startswith("unbind.") and kind not in known:
            for item in data["items"]:
                await self.one("unbind.requested", item, "")
        return await super().hear(kind, data)


class CancelsTheNumber(Platform):
    """Does nothing about a number any more once an order about it was cancelled."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        if item["id"] in self.cancelled:
            self.store_as_cancelled(item["number"])
        if kind == "unbind.requested" and item["number"] in self.cancelled:
            return {"id": item["id"], "outcome": "not_bound"}
        return await super().one(kind, item, webhook_id)

    def store_as_cancelled(self, number: str) -> None:
        self.cancelled.add(number)


class CancelsTheFirst(Platform):
    """Reads the first of the items that are cancelled."""

    @override
    async def hear(self, kind: str, data: Any) -> web.Response:
        if kind == "unbind.cancelled":
            data = {"items": data["items"][:1]}
        return await super().hear(kind, data)


class PutsBackOnCancel(Platform):
    """Undoes what is done already when the order is cancelled."""

    @override
    async def hear(self, kind: str, data: Any) -> web.Response:
        if kind == "unbind.cancelled":
            for item in data["items"]:
                for one in self.accounts.removed.get(item["id"], []):
                    one.is_live = True
        return await super().hear(kind, data)


class RefusesLateCancels(Platform):
    """Says 409 to the cancellation of what is done already."""

    @override
    async def hear(self, kind: str, data: Any) -> web.Response:
        if kind == "unbind.cancelled":
            done = self.results.keys() & {item["id"] for item in data["items"]}
            if done:
                return web.Response(status=409)
        return await super().hear(kind, data)


class RefusesOldOrders(Platform):
    """Takes an order of last week for a replay, however fresh its signature is."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        ages = [
            datetime.now(UTC) - read(i["created_at"]) for i in event["data"]["items"]
        ]
        if max(ages) > timedelta(days=1):
            return web.Response(status=400)
        return await super().take(event, webhook_id)


class ComputesTheBorder(Platform):
    """Computes the border itself: midnight in Shanghai of the holder's first day."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        midnight = datetime.fromisoformat(item["owner_since"])
        border = midnight.replace(tzinfo=_MIDNIGHTS).isoformat()
        former = item["scope"] == "previous_owner"
        name = "bound_before" if former else "bound_from"
        return await super().one(kind, {**item, name: border}, webhook_id)


class KnowsNoEnd(Platform):
    """Takes everything since the holder's first day for the holder's own."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        if item["scope"] == "current_owner":
            item = {**item, "bound_before": datetime.now(UTC).isoformat()}
        return await super().one(kind, item, webhook_id)


class TellsTheOldest(Platform):
    """Tells when the oldest of the bindings was made."""

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self.accounts = _Oldest()


class _Oldest(Accounts):
    @override
    def newest(self, found: list[Binding]) -> Line:
        oldest = min(one.bound_at for one in found if one.bound_at is not None)
        return {"last_bound_at": oldest.isoformat()}


class CountsOne(Platform):
    """Says that one account is bound, however many are."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        line = await super().one(kind, item, webhook_id)
        return line and {**line, **({"bindings": 1} if "bindings" in line else {})}


class RestoresTheNumber(Platform):
    """Puts back whatever was ever detached from a number."""

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self.orders: dict[str, list[str]] = {}

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        if kind == "unbind.requested":
            self.orders.setdefault(item["number"], []).append(item["id"])
        line = await super().one(kind, item, webhook_id)
        if kind == "restore.requested":
            for order in self.orders.get(item["number"], []):
                for one in self.accounts.removed.get(order, []):
                    one.is_live = True
        return line


class RestoresOnceMore(Platform):
    """Finds nothing to put back when a restore comes again, and says so."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        if kind == "restore.requested" and item["id"] in self.results:
            return {"id": item["id"], "outcome": "not_bound"}
        return await super().one(kind, item, webhook_id)


class LeavesAloneWhatWasRestored(Platform):
    """Never again touches a number about which something was undone."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        if kind == "unbind.requested" and item["number"] in self.cancelled:
            nothing: Line = {"id": item["id"], "outcome": "not_bound"}
            return self.results.get(item["id"], nothing)
        if kind == "restore.requested":
            self.cancelled.add(item["number"])
        return await super().one(kind, item, webhook_id)


class UndoesOrdersOnly(Platform):
    """Knows what orders have detached, and not what clearances have."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        if item.get("restores", "").startswith("clr_"):
            return {"id": item["id"], "outcome": "not_bound"}
        return await super().one(kind, item, webhook_id)


class ClearsOneWave(Platform):
    """Takes the second wave of a clearance for a repetition of the first one."""

    @override
    def is_new(self, published: Line) -> bool:
        return super().is_new({**published, "manifest": published["id"]})


class ContradictsItself(Platform):
    """Finds nothing when a clearance is published again, and says so."""

    @override
    def is_new(self, published: Line) -> bool:
        return super().is_new(published) or True

    @override
    async def clear(self, published: Line) -> None:
        found = [*self.accounts.cleared]
        await super().clear(published)
        lines = [{"number": number, "outcome": "not_bound"} for number in found]
        if lines and published["wave"] == 1:
            path = f"/v1/clearances/{published['id']}/findings"
            await self.post(path, {"findings": lines})


class RemembersNumbers(Platform):
    """Gives for a number the result that it had the first time."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        key = f"{kind} {item['number']}"
        if kind == "unbind.requested" and key in self.results:
            return {**self.results[key], "id": item["id"]}
        line = await super().one(kind, item, webhook_id)
        if line is not None:
            self.results[key] = line
        return line


class CutsIds(Platform):
    """Keeps ids in a column that is too short for them."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        line = await super().one(kind, {**item, "id": item["id"][:12]}, webhook_id)
        return line and {**line, "id": item["id"]}


class RefusesRepetitions(Platform):
    """Says 409 to an item that it has already."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        if self.results.keys() & {item["id"] for item in event["data"]["items"]}:
            return web.Response(status=409)
        return await super().take(event, webhook_id)


class SendsPeopleElsewhere(Platform):
    """Sends holders to a domain that is not registered for it."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        line = await super().one(kind, item, webhook_id)
        asks = line is not None and line["outcome"] == "action_required"
        url = {"action_url": "https://acme.example.org.evil.example.net/confirm"}
        return {**line, **url} if line is not None and asks else line


class TellsLocalTime(Platform):
    """Tells dates without a zone."""

    @override
    async def one(self, kind: str, item: Line, webhook_id: str) -> Line | None:
        line = await super().one(kind, item, webhook_id)
        if line is None or "last_bound_at" not in line:
            return line
        return {**line, "last_bound_at": line["last_bound_at"][:19]}


class SwapsLines(Platform):
    """Gives the results of a batch in the order of a table of its own."""

    @override
    async def take(self, event: Line, webhook_id: str) -> web.Response:
        answer = await super().take(event, webhook_id)
        if event["type"] != "unbind.requested":
            return answer
        lines = json.loads(answer.text or "{}").get("results", [])
        ids = [line["id"] for line in lines]
        swapped = zip(reversed(ids), lines, strict=True)
        return web.json_response(
            {"results": [{**line, "id": one} for one, line in swapped]}
        )


class TakesAnyOfTheSize(Platform):
    """Takes every signature that decodes to as many bytes as a right one has."""

    @override
    def verified(self, headers: Headers, body: bytes) -> Line:
        given = headers.get(SIGNATURE, "").removeprefix("v1,")
        try:
            is_long = len(base64.b64decode(given)) == 32
        except ValueError:
            is_long = False
        at = headers.get("webhook-timestamp", "")
        if is_long and body.endswith(b"}") and len(at) == 10:
            return parsed(body)
        return super().verified(headers, body)
