"""Carriers that rehearse, and test endpoints, all of it through the API."""

from dataclasses import replace
from typing import Any

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.order_api import Scene
from unbind_broker.keys.tables import Role
from unbind_broker.platforms.rehearsed import REHEARSED

Headers = dict[str, str]

BEFORE = "2024-05-01T00:00:00Z"
"""When what is detached had been bound."""

ELSEWHERE = f"+{8613800000000 + 10_000}"
"""The first number behind the made-up ones: it may be somebody's."""


async def an_admin(scene: Scene) -> Headers:
    async with scene.engine.begin() as db:
        return bearer(await a_key(db, Role.ADMIN, "registrar"))


async def a_sandbox_key(scene: Scene, admin: Headers, carrier: str) -> Headers:
    body = {"role": "carrier", "carrier": carrier, "sandbox": True}
    issued = await scene.http.post("/v1/admin/keys", json=body, headers=admin)
    assert issued.status_code == 201, issued.text
    return {"Authorization": f"Bearer {issued.json()['key']}"}


async def a_rehearsal(scene: Scene, carrier: str = "china-mobile") -> Scene:
    """The same scene as the carrier sees it with a sandbox key."""
    headers = await a_sandbox_key(scene, await an_admin(scene), carrier)
    return replace(scene, carrier_headers=headers, platforms={}, platform_headers={})


async def a_test_endpoint(
    rehearsal: Scene, slug: str = "weibo-test", **fields: object
) -> Headers:
    """A platform's test endpoint, which fetches its items."""
    http, admin = rehearsal.http, await an_admin(rehearsal)
    body = {"slug": slug, "sandbox": True, **fields}
    made = await http.post("/v1/admin/platforms", json=body, headers=admin)
    assert made.status_code == 201, made.text
    key = {"role": "platform", "platform": slug}
    issued = await http.post("/v1/admin/keys", json=key, headers=admin)
    headers = {"Authorization": f"Bearer {issued.json()['key']}"}
    pull = {"delivery": "pull"}
    assert (
        await http.put("/v1/endpoint", json=pull, headers=headers)
    ).status_code == 201
    rehearsal.platform_headers[slug] = headers
    return headers


async def placed(scene: Scene, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await scene.post(path, body)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def again(scene: Scene, made: dict[str, Any]) -> dict[str, Any]:
    """Read an order once more."""
    where = "queries" if made["kind"] == "query" else "orders"
    answer = await scene.get(f"/v1/{where}/{made['id']}")
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def asked(made: dict[str, Any]) -> list[str]:
    """Which platforms an order names."""
    return [item["platform"] for item in made["items"]]


MADE_UP = sorted(slug for slug, one in REHEARSED.items() if not one.sensitive)
"""Those that a present holder is told of."""


def unbound(made: dict[str, Any], last_bound_at: str = BEFORE) -> dict[str, Any]:
    return {
        "id": made["id"],
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": last_bound_at,
    }
