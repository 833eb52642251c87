"""One successful call of every route that changes or discloses something."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import text

from tests.support.order_api import NUMBER, Scene, query_body
from tests.support.receiver import Receiver
from tests.support.trail import trail
from unbind_broker.base.instants import show_instant
from unbind_broker.base.signing_keys import PrivateKey

WHY = {"reason": "case 2026-117"}
_NAMES = {"name_zh": "某", "name_en": "Some"}
_OWN_KEY = PrivateKey(b"an auditor's key of thirty-two b")

Headers = dict[str, str]


@dataclass
class Stage:
    """Two platforms are reachable; ``fetching`` fetches, ``new`` has no endpoint yet.

    ``caller`` made the last call, and had left ``seen`` events before.
    """

    scene: Scene
    receiver: Receiver
    admin: Headers
    auditor: Headers
    new: Headers
    actors: dict[str, str]
    seen: int = 0
    caller: str = ""

    async def call(
        self, method: str, path: str, headers: Headers, body: object = None
    ) -> httpx.Response:
        self.caller = self.actors[headers["Authorization"]]
        self.seen = await self.count()
        return await self.scene.http.request(method, path, headers=headers, json=body)

    async def count(self) -> int:
        """How many events the last caller has left."""
        async with self.scene.engine.connect() as db:
            return [one.actor for one in await trail(db)].count(self.caller)

    def body(self) -> dict[str, Any]:
        """What a carrier asks at this moment."""
        at = show_instant(self.scene.clock.now())
        return query_body(consent={"method": "sms_otp", "at": at})

    async def report(self, slug: str, line: object) -> httpx.Response:
        headers = self.scene.platform_headers[slug]
        return await self.call("POST", "/v1/results", headers, {"results": [line]})

    async def ask(self, path: str, body: object = None) -> httpx.Response:
        return await self.call("POST", path, self.scene.carrier_headers, body)

    async def order(self) -> str:
        made = (await self.ask("/v1/orders", self.body())).json()
        order_id: str = made["id"]
        return order_id

    async def finished_order(self) -> str:
        """An order that every platform has answered, and that can be undone."""
        order_id = await self.order()
        for slug in self.scene.platforms:
            await self.report(slug, _unbound(order_id))
        return order_id

    async def endpoint(self) -> Headers:
        """A new endpoint that really listens, unverified."""
        door = self.receiver.door("new")
        made = await self.call("PUT", "/v1/endpoint", self.new, {"url": door.url})
        door.secrets.append(made.json()["secret"])
        return self.new

    async def verified(self) -> Headers:
        headers = await self.endpoint()
        await self.call("POST", "/v1/endpoint/verify", headers)
        return headers


Call = Callable[[Stage], Awaitable[httpx.Response]]


def carrier(path: str, body: object = None) -> Call:
    return lambda stage: stage.ask(path, body or stage.body())


def admin(method: str, path: str, body: object = None) -> Call:
    return lambda stage: stage.call(method, path, stage.admin, body)


def after(first: Call, then: Call) -> Call:
    async def both(stage: Stage) -> httpx.Response:
        assert (await first(stage)).is_success
        return await then(stage)

    return both


async def cancel(stage: Stage) -> httpx.Response:
    return await stage.ask(f"/v1/orders/{await stage.order()}/cancel")


async def restore(stage: Stage) -> httpx.Response:
    order_id = await stage.finished_order()
    return await stage.ask(f"/v1/orders/{order_id}/restore", WHY)


async def clearance(stage: Stage) -> str:
    made = await stage.ask("/v1/clearances", {})
    path: str = made.headers["location"]
    return path


async def put_part(stage: Stage) -> httpx.Response:
    path = await clearance(stage)
    headers = {**stage.scene.carrier_headers, "Content-Type": "text/csv"}
    stage.seen = await stage.count()
    book = f"number,disconnected_on\n{NUMBER},2025-03-01\n"
    return await stage.scene.http.put(f"{path}/parts/1", content=book, headers=headers)


async def publish(stage: Stage) -> httpx.Response:
    put = await put_part(stage)
    path = put.request.url.path.removesuffix("/parts/1")
    return await stage.ask(f"{path}/publish", {})


async def withdraw(stage: Stage) -> httpx.Response:
    path = await clearance(stage)
    return await stage.ask(f"{path}/withdraw", {"numbers": [NUMBER]})


async def published(stage: Stage) -> str:
    return (await publish(stage)).request.url.path.removesuffix("/publish")


async def read_manifest(stage: Stage) -> httpx.Response:
    path = await published(stage)
    headers = stage.scene.platform_headers["weibo"]
    return await stage.call("GET", f"{path}/manifest", headers)


async def report_findings(stage: Stage) -> httpx.Response:
    path = (await read_manifest(stage)).request.url.path.removesuffix("/manifest")
    headers = stage.scene.platform_headers["weibo"]
    done = {"findings": [], "complete": True}
    return await stage.call("POST", f"{path}/findings", headers, done)


async def read_results(stage: Stage) -> httpx.Response:
    path = await published(stage)
    return await stage.call("GET", f"{path}/results", stage.scene.carrier_headers)


async def release_number(stage: Stage) -> httpx.Response:
    path = (await published(stage)).replace("/v1/", "/v1/admin/")
    named = {"numbers": [NUMBER], "why": "a letter"}
    return await stage.call("POST", f"{path}/release", stage.admin, named)


async def resume_clearance(stage: Stage) -> httpx.Response:
    path = (await published(stage)).replace("/v1/", "/v1/admin/")
    async with stage.scene.engine.begin() as db:
        await db.execute(text("UPDATE clearances SET status = 3"))
    why = {"why": "the dates are right"}
    return await stage.call("POST", f"{path}/resume", stage.admin, why)


async def report(stage: Stage) -> httpx.Response:
    return await stage.report("weibo", _unbound(await stage.order()))


async def fetch(stage: Stage) -> httpx.Response:
    await stage.order()
    headers = stage.scene.platform_headers["fetching"]
    return await stage.call("GET", "/v1/items", headers)


async def receipt(stage: Stage) -> httpx.Response:
    path = f"/v1/orders/{await stage.finished_order()}/receipt"
    return await stage.call("GET", path, stage.scene.carrier_headers)


async def query_receipt(stage: Stage) -> httpx.Response:
    query_id = (await stage.ask("/v1/queries", stage.body())).json()["id"]
    for slug in stage.scene.platforms:
        await stage.report(slug, {"id": query_id, "outcome": "not_bound"})
    path = f"/v1/queries/{query_id}/receipt"
    return await stage.call("GET", path, stage.scene.carrier_headers)


async def evidence(stage: Stage) -> httpx.Response:
    path = f"/v1/audit/orders/{await stage.order()}/evidence"
    return await stage.call("GET", path, stage.auditor)


async def evidence_by_id(stage: Stage) -> httpx.Response:
    kept = uuid4()
    async with stage.scene.engine.begin() as db:
        await db.execute(
            text(
                "INSERT INTO evidence (id, platform_id, webhook_id, received_at,"
                " webhook_timestamp, webhook_signature, public_key, body_sha256)"
                " SELECT :id, min(id), 'rep_1', now(), '', '', '', '' FROM platforms"
            ),
            {"id": kept},
        )
    return await stage.call("GET", f"/v1/audit/evidence/{kept}", stage.auditor)


async def put_endpoint(stage: Stage) -> httpx.Response:
    body = {"url": "http://127.0.0.1:9/closed"}
    return await stage.call("PUT", "/v1/endpoint", stage.new, body)


async def verify(stage: Stage) -> httpx.Response:
    return await stage.call("POST", "/v1/endpoint/verify", await stage.endpoint())


def endpoint(verb: str) -> Call:
    async def do(stage: Stage) -> httpx.Response:
        return await stage.call("POST", f"/v1/endpoint/{verb}", await stage.verified())

    return do


async def redeliver(stage: Stage) -> httpx.Response:
    since = {"since": "2026-01-01T00:00:00Z"}
    path = "/v1/endpoint/redeliver"
    return await stage.call("POST", path, await stage.verified(), since)


async def proof(stage: Stage) -> httpx.Response:
    await stage.order()
    page = await stage.call("GET", "/v1/audit/events", stage.auditor)
    sealed = [one for one in page.json()["data"] if one["seal"] is not None]
    path = f"/v1/audit/events/{sealed[0]['id']}/proof"
    return await stage.call("GET", path, stage.auditor)


async def cosign(stage: Stage) -> httpx.Response:
    seal = (await stage.call("GET", "/v1/audit/seals/1", stage.auditor)).json()
    body = {
        "public_key": _OWN_KEY.public.text,
        "signature": _base64(_OWN_KEY.ed25519.sign(seal["statement"].encode())),
    }
    path = "/v1/audit/seals/1/cosignatures"
    return await stage.call("POST", path, stage.auditor, body)


async def search_trail(stage: Stage) -> httpx.Response:
    path = "/v1/audit/events/search"
    return await stage.call("POST", path, stage.auditor, {"number": NUMBER})


def auditor(path: str) -> Call:
    return lambda stage: stage.call("GET", path, stage.auditor)


async def retract(stage: Stage) -> httpx.Response:
    await stage.order()
    body = {"number": NUMBER, "carrier": "china-mobile", "owner_since": "2025-03-01"}
    path = "/v1/admin/holdings/retract"
    return await stage.call("POST", path, stage.admin, {**body, **WHY})


async def tell_for(stage: Stage) -> httpx.Response:
    await stage.order()
    body = {"number": NUMBER, "carrier": "china-mobile", "event": "disconnected"}
    path = "/v1/admin/holdings/tell"
    told = {**body, "on": "2026-11-19", **WHY}
    return await stage.call("POST", path, stage.admin, told)


async def forget(stage: Stage) -> httpx.Response:
    await stage.finished_order()
    path = "/v1/admin/numbers/forget"
    return await stage.call("POST", path, stage.admin, {"number": NUMBER, **WHY})


async def check_number(stage: Stage) -> httpx.Response:
    await stage.order()
    body = {"phoneNumber": NUMBER, "specifiedDate": "2025-03-01"}
    headers = stage.scene.platform_headers["weibo"]
    return await stage.call("POST", "/number-recycling/v0.2/check", headers, body)


def _unbound(order_id: str) -> dict[str, Any]:
    return {
        "id": order_id,
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": "2024-05-01T00:00:00Z",
        "restorable_until": "2099-01-01T00:00:00Z",
    }


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()


_CARRIERS, _PLATFORMS = "/v1/admin/carriers", "/v1/admin/platforms"
_ENDPOINT = "/v1/admin/endpoints/weibo"
_BRAKE = {"carrier": "china-mobile", **WHY}
_HELD = {"number": NUMBER, "event": "activated", "on": "2025-03-01"}

CALLS: dict[str, Call] = {
    "POST /v1/queries": carrier("/v1/queries"),
    "POST /v1/orders": carrier("/v1/orders"),
    "POST /v1/orders/{order_id}/cancel": cancel,
    "POST /v1/orders/{order_id}/restore": restore,
    "GET /v1/orders/{order_id}/receipt": receipt,
    "GET /v1/queries/{query_id}/receipt": query_receipt,
    "POST /v1/numbers/disclosure": carrier(
        "/v1/numbers/disclosure", {"number": NUMBER}
    ),
    "POST /v1/results": report,
    "POST /number-recycling/v0.2/check": check_number,
    "GET /v1/items": fetch,
    "POST /v1/holdings": carrier("/v1/holdings", {"holdings": [_HELD]}),
    "POST /v1/clearances": carrier("/v1/clearances", {"reference": "B-1"}),
    "PUT /v1/clearances/{clearance_id}/parts/{n}": put_part,
    "POST /v1/clearances/{clearance_id}/publish": publish,
    "POST /v1/clearances/{clearance_id}/withdraw": withdraw,
    "GET /v1/clearances/{clearance_id}/manifest": read_manifest,
    "POST /v1/clearances/{clearance_id}/findings": report_findings,
    "GET /v1/clearances/{clearance_id}/results": read_results,
    "POST /v1/admin/clearances/{clearance_id}/release": release_number,
    "POST /v1/admin/clearances/{clearance_id}/resume": resume_clearance,
    "PUT /v1/endpoint": put_endpoint,
    "POST /v1/endpoint/verify": verify,
    "POST /v1/endpoint/test": endpoint("test"),
    "POST /v1/endpoint/rotate-secret": endpoint("rotate-secret"),
    "POST /v1/endpoint/pause": endpoint("pause"),
    "POST /v1/endpoint/resume": after(
        endpoint("pause"),
        lambda stage: stage.call("POST", "/v1/endpoint/resume", stage.new),
    ),
    "POST /v1/endpoint/redeliver": redeliver,
    f"POST {_CARRIERS}": admin("POST", _CARRIERS, {"slug": "some", **_NAMES}),
    f"PATCH {_CARRIERS}/{{slug}}": admin(
        "PATCH", f"{_CARRIERS}/china-mobile", {"name_en": "Another"}
    ),
    f"POST {_CARRIERS}/{{slug}}/suspend": admin(
        "POST", f"{_CARRIERS}/china-mobile/suspend"
    ),
    f"POST {_CARRIERS}/{{slug}}/resume": after(
        admin("POST", f"{_CARRIERS}/china-mobile/suspend"),
        admin("POST", f"{_CARRIERS}/china-mobile/resume"),
    ),
    f"POST {_PLATFORMS}": admin(
        "POST", _PLATFORMS, {"slug": "some", "category": "social", **_NAMES}
    ),
    f"PATCH {_PLATFORMS}/{{slug}}": admin(
        "PATCH", f"{_PLATFORMS}/weibo", {"name_en": "Another"}
    ),
    f"POST {_PLATFORMS}/{{slug}}/suspend": admin("POST", f"{_PLATFORMS}/weibo/suspend"),
    f"POST {_PLATFORMS}/{{slug}}/resume": after(
        admin("POST", f"{_PLATFORMS}/weibo/suspend"),
        admin("POST", f"{_PLATFORMS}/weibo/resume"),
    ),
    "POST /v1/admin/keys": admin("POST", "/v1/admin/keys", {"role": "auditor"}),
    "DELETE /v1/admin/keys/{key_id}": admin("DELETE", "/v1/admin/keys/1"),
    "POST /v1/admin/endpoints/{slug}/pause": admin("POST", f"{_ENDPOINT}/pause"),
    "POST /v1/admin/endpoints/{slug}/resume": after(
        admin("POST", f"{_ENDPOINT}/pause"), admin("POST", f"{_ENDPOINT}/resume")
    ),
    "POST /v1/admin/numbers/export": admin(
        "POST", "/v1/admin/numbers/export", {"number": NUMBER}
    ),
    "POST /v1/admin/numbers/forget": forget,
    "POST /v1/admin/holdings/search": admin(
        "POST", "/v1/admin/holdings/search", {"number": NUMBER}
    ),
    "POST /v1/admin/holdings/retract": retract,
    "POST /v1/admin/holdings/tell": tell_for,
    "POST /v1/admin/items/requeue": admin(
        "POST", "/v1/admin/items/requeue", {"platform": "weibo", "dry_run": False}
    ),
    "POST /v1/admin/brake": admin("POST", "/v1/admin/brake", _BRAKE),
    "POST /v1/admin/brake/release": after(
        admin("POST", "/v1/admin/brake", _BRAKE),
        admin("POST", "/v1/admin/brake/release", _BRAKE),
    ),
    "GET /v1/audit/orders/{order_id}/evidence": evidence,
    "GET /v1/audit/evidence/{evidence_id}": evidence_by_id,
    "GET /v1/audit/events": auditor("/v1/audit/events"),
    "POST /v1/audit/events/search": search_trail,
    "GET /v1/audit/events/{event_id}/proof": proof,
    "GET /v1/audit/seals": auditor("/v1/audit/seals"),
    "GET /v1/audit/seals/{number}": auditor("/v1/audit/seals/1"),
    "GET /v1/audit/seals/{number}/cosignatures": auditor(
        "/v1/audit/seals/1/cosignatures"
    ),
    "POST /v1/audit/seals/{number}/cosignatures": cosign,
    "GET /v1/audit/export": auditor("/v1/audit/export"),
}
"""By method and path, as the OpenAPI document names them."""

NOT_RECORDED = {
    "POST /v1/orders/search": "a carrier finds its own orders, their numbers masked",
}
"""Routes that look like changes and leave no event, and why."""
