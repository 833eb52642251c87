"""Every door of the console, tried by those who may not pass it."""

import re

import pytest
from fastapi.routing import APIRoute

from tests.console.scene import Console
from unbind_broker.console.routes import ROUTERS
from unbind_broker.keys import service
from unbind_broker.keys.tables import Role

OPEN = {"/console/login", "/console/static/{name}"}
ROUTES = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.path not in OPEN
]


def paths(method: str) -> list[str]:
    return sorted(
        re.sub(r"\{\w+\}", "x", one.path)
        for one in ROUTES
        if method in (one.methods or ())
    )


READ, DONE = paths("GET"), paths("POST")
OF_BOTH = ("/console/audit", "/console/session", "/console/logout", "/console/seek")
COOKIE = "unbind_console"


async def shut(console: Console) -> list[str]:
    """Name the doors that do not lead to the login; there should be none."""
    found = []
    for path in READ:
        page = await console.get(path)
        if page.status_code != 303 or "/console/login" not in page.headers["location"]:
            found.append(f"GET {path}")
        part = await console.get(path, hx_request="true")
        if part.status_code != 401 or part.content:
            found.append(f"part {path}")
    for path in DONE:
        answer = await console.post(path, {"_token": "x"})
        if answer.headers.get("location") != "/console/login":
            found.append(f"POST {path}")
    return found


def test_all_doors_are_known() -> None:
    assert len(READ) > 20
    assert len(DONE) > 15
    assert "/console/overview/live" in READ
    assert "/console/keys/issue" in DONE


async def test_no_door_opens_without_a_login(console: Console) -> None:
    assert await shut(console) == []


async def test_no_door_opens_after_signing_out(console: Console) -> None:
    await console.sign_in()
    console.http.headers["cookie"] = f"{COOKIE}={console.http.cookies[COOKIE]}"
    assert (await console.get("/console")).status_code == 200
    await console.act("/console/logout")
    assert await shut(console) == []


async def test_no_door_opens_with_a_revoked_key(console: Console) -> None:
    await console.sign_in()
    console.http.headers["cookie"] = f"{COOKIE}={console.http.cookies[COOKIE]}"
    assert (await console.get("/console")).status_code == 200
    key = await console.key()
    async with console.engine.begin() as db:
        await service.revoke(db, console.clock.now(), key.id, "command-line")
    assert await shut(console) == []


async def test_no_door_opens_with_what_was_sealed_for_something_else(
    console: Console,
) -> None:
    await console.sign_in()
    led = await console.act("/console/seek/audit", actor="admin:1")
    sought = led.headers["location"].partition("sought=")[2].partition("#")[0]
    await console.act("/console/logout")
    said = console.http.cookies["unbind_console_said"]
    for forged in (sought, said, "", "x", "é".encode().hex()):
        console.http.cookies.clear()
        console.http.headers["cookie"] = f"{COOKIE}={forged}"
        assert (await console.get("/console")).status_code == 303, forged


async def test_auditor_passes_the_doors_of_auditors_alone(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    token = await console.token()
    opened = [
        path
        for path in READ
        if not path.startswith(OF_BOTH) and (await console.get(path)).status_code != 403
    ]
    opened += [
        path
        for path in DONE
        if not path.startswith(OF_BOTH)
        and (await console.post(path, {"_token": token})).status_code != 403
    ]
    assert opened == []


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": ""}, {"sec_fetch_site": "none"}],
)
async def test_no_deed_is_done_from_another_place(
    console: Console, headers: dict[str, str]
) -> None:
    await console.sign_in()
    token = await console.token()
    done = [
        path
        for path in DONE
        if (await console.post(path, {"_token": token}, **headers)).status_code != 403
    ]
    assert done == []
    assert (await console.get("/console")).status_code == 200


async def test_no_deed_is_done_without_the_token_of_the_login(console: Console) -> None:
    await console.sign_in()
    done = [
        path
        for path in DONE
        if (await console.post(path, {"_token": "x"})).status_code != 403
    ]
    assert done == []
    assert (await console.get("/console")).status_code == 200
