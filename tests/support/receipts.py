"""Platforms that sign their reports, and orders that came to their end."""

import json
from datetime import datetime
from typing import Any

import httpx
from jwt import PyJWK

from tests.support.order_api import Scene, order_body
from unbind_broker.base.signing import sign_v1a, signature_headers
from unbind_broker.base.signing_keys import PrivateKey

KEY = PrivateKey(b"a platform's seed of thirty-two ")
OTHER_KEY = PrivateKey(b"another platform's seed of 32 by")


def unbound(order_id: str, removed: int = 1) -> dict[str, Any]:
    return {
        "id": order_id,
        "outcome": "unbound",
        "removed": removed,
        "last_bound_at": "2024-05-01T00:00:00Z",
    }


async def report_signed(
    scene: Scene,
    webhook_id: str,
    *lines: object,
    slug: str = "weibo",
    key: PrivateKey = KEY,
    signed_at: datetime | None = None,
) -> httpx.Response:
    """Report as a platform that signs what it says."""
    body = json.dumps({"results": lines}).encode()
    signed_at = signed_at or scene.clock.now()
    signature = sign_v1a(key, webhook_id, signed_at, body)
    return await scene.http.post(
        "/v1/results",
        content=body,
        headers={
            **scene.platform_headers[slug],
            **signature_headers(webhook_id, signed_at, signature),
            "Content-Type": "application/json",
        },
    )


async def a_finished_order(scene: Scene, **changes: Any) -> str:
    """An order that every platform of the scene has answered: nothing was bound."""
    answer = await scene.post("/v1/orders", order_body(**changes))
    order_id = str(answer.json()["id"])
    for slug in scene.platforms:
        await scene.report(slug, {"id": order_id, "outcome": "not_bound"})
    return order_id


async def receipt(
    scene: Scene,
    order_id: str,
    version: int | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Ask for an order's receipt as the carrier."""
    return await scene.http.get(
        f"/v1/orders/{order_id}/receipt",
        params={} if version is None else {"version": version},
        headers={**scene.carrier_headers, **(headers or {})},
    )


async def public_keys(scene: Scene) -> dict[str, PyJWK]:
    """The broker's keys as it publishes them, by their ids."""
    published = (await scene.http.get("/.well-known/jwks.json")).json()
    return {jwk["kid"]: PyJWK(jwk) for jwk in published["keys"]}
