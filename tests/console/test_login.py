"""Signing in and out, and how a login ends."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from tests.console.scene import Console, a_console
from tests.support.builders import a_carrier, a_key
from tests.support.clock import FixedClock
from tests.support.trail import trail
from unbind_broker.console.attempts import EACH, MOST_FAILURES, Attempts
from unbind_broker.console.sessions import IDLE, LONGEST, RENEWED_AFTER
from unbind_broker.keys import service
from unbind_broker.keys.spent import LATER, prune_spent
from unbind_broker.keys.tables import Role, spent_tokens


async def test_administrator_signs_in_and_sees_the_overview(console: Console) -> None:
    answer = await console.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")

    page = await console.get("/console")
    assert page.status_code == 200
    assert "总览" in page.text


async def test_cookie_holds_no_key_and_is_out_of_reach_of_scripts(
    console: Console,
) -> None:
    answer = await console.sign_in()
    cookie = answer.headers["set-cookie"]
    assert (await console.key()).key not in cookie
    for part in ("HttpOnly", "SameSite=strict", "Path=/console"):
        assert part in cookie
    assert "Secure" not in cookie


async def test_cookie_is_secure_where_the_browser_speaks_https(
    console: Console,
) -> None:
    fields = {"key": (await console.key()).key}
    answer = await console.post("/console/login", fields, origin="https://broker")
    assert "Secure" in answer.headers["set-cookie"]


async def test_cookie_stays_secure_where_nobody_says_so_again(
    console: Console,
) -> None:
    fields = {"key": (await console.key()).key}
    answer = await console.post("/console/login", fields, origin="https://broker")
    console.clock.advance(RENEWED_AFTER)
    answer = await console.http.get(
        "http://broker/console",
        headers={"cookie": answer.headers["set-cookie"].partition(";")[0]},
    )
    assert answer.status_code == 200
    assert answer.headers["set-cookie"].startswith("unbind_console=")
    assert "Secure" in answer.headers["set-cookie"]


async def test_page_asked_for_without_a_login_comes_after_it(console: Console) -> None:
    sent = await console.get("/console/keys?after=3")
    login = sent.headers["location"]
    assert login == "/console/login?next=%2Fconsole%2Fkeys%3Fafter%3D3"
    assert 'value="/console/keys?after=3"' in (await console.get(login)).text

    fields = {"key": (await console.key()).key, "next": "/console/keys?after=3"}
    answer = await console.post("/console/login", fields)
    assert answer.headers["location"] == "/console/keys?after=3"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/console",
        "//evil.example",
        "/console//../../v1",
        "/console/..//evil.example",
        "/console//evil.example",
        "/console\\evil.example",
        "/consoles",
        "/console/login",
        "javascript:alert(1)",
    ],
)
async def test_login_leads_nowhere_else(console: Console, elsewhere: str) -> None:
    fields = {"key": (await console.key()).key, "next": elsewhere}
    answer = await console.post("/console/login", fields)
    assert answer.headers["location"].startswith("/console")
    assert "evil" not in answer.headers["location"]
    assert answer.headers["location"] != "/console/login"


async def test_key_of_a_carrier_opens_nothing(console: Console) -> None:
    async with console.engine.begin() as db:
        key = await a_key(db, await a_carrier(db), now=console.clock.now())
    answer = await console.post("/console/login", {"key": key.key})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers


async def test_revoked_key_ends_the_login_at_once(console: Console) -> None:
    await console.sign_in()
    now = console.clock.now()
    async with console.engine.begin() as db:
        await service.revoke(db, now, (await console.key()).id, "command-line")

    answer = await console.get("/console")
    assert answer.headers["location"].startswith("/console/login")
    assert 'unbind_console=""' in answer.headers["set-cookie"]


async def test_login_idles_out(console: Console) -> None:
    await console.sign_in()
    console.clock.advance(IDLE - timedelta(seconds=1))
    assert (await console.get("/console")).status_code == 200
    console.clock.advance(IDLE - timedelta(seconds=1))
    assert (await console.get("/console")).status_code == 200, "it was renewed"
    console.clock.advance(IDLE)
    assert (await console.get("/console")).status_code == 303


async def test_login_ends_however_busy_it_is(console: Console) -> None:
    await console.sign_in()
    for _ in range(LONGEST // (IDLE / 2) - 1):
        console.clock.advance(IDLE / 2)
        assert (await console.get("/console")).status_code == 200
    console.clock.advance(IDLE / 2)
    assert (await console.get("/console")).status_code == 303


async def test_page_that_only_stands_open_renews_nothing(console: Console) -> None:
    await console.sign_in()
    console.clock.advance(IDLE / 2)
    assert (await console.get("/console/overview/live")).status_code == 200
    console.clock.advance(IDLE / 2)
    gone = await console.get("/console/overview/live", hx_request="true")
    assert gone.status_code == 401
    assert gone.headers["hx-redirect"] == "/console/login"


async def test_changed_cookie_is_none(console: Console) -> None:
    await console.sign_in()
    cookie = console.http.cookies["unbind_console"]
    middle = len(cookie) // 2
    other = "A" if cookie[middle] != "A" else "B"
    console.http.cookies.clear()
    console.http.cookies["unbind_console"] = (
        cookie[:middle] + other + cookie[middle + 1 :]
    )
    assert (await console.get("/console")).status_code == 303


async def test_signing_out_takes_the_cookie_away(console: Console) -> None:
    await console.sign_in()
    answer = await console.act("/console/logout")
    assert answer.headers["location"] == "/console/login"
    assert (await console.get("/console")).status_code == 303
    assert "您已退出登录" in (await console.get("/console/login")).text


async def test_copied_cookie_opens_nothing_after_signing_out(
    console: Console,
) -> None:
    await console.sign_in()
    copied = console.http.cookies["unbind_console"]
    console.clock.advance(RENEWED_AFTER)
    await console.get("/console")
    renewed = console.http.cookies["unbind_console"]
    assert renewed != copied
    await console.act("/console/logout")

    async with a_console(console.engine, console.clock) as elsewhere:
        for cookie in (copied, renewed):
            elsewhere.http.cookies["unbind_console"] = cookie
            assert (await elsewhere.get("/console")).status_code == 303
            live = await elsewhere.get("/console/overview/live", hx_request="true")
            assert live.status_code == 401
            elsewhere.http.cookies.clear()


async def test_signing_out_ends_no_other_login_of_the_key(console: Console) -> None:
    await console.sign_in()
    async with a_console(console.engine, console.clock) as elsewhere:
        elsewhere.keys = console.keys
        await elsewhere.sign_in()
        await console.act("/console/logout")
        assert (await elsewhere.get("/console")).status_code == 200
    assert (await console.sign_in()).headers["location"] == "/console"
    assert (await console.get("/console")).status_code == 200


async def test_signing_in_again_ends_the_login_before(console: Console) -> None:
    await console.sign_in()
    before = console.http.cookies["unbind_console"]
    await console.sign_in()
    console.http.cookies.clear()
    console.http.cookies["unbind_console"] = before
    assert (await console.get("/console")).status_code == 303


async def test_ended_login_is_kept_until_no_cookie_of_it_can_live(
    console: Console,
) -> None:
    began = console.clock.now().replace(microsecond=0)
    await console.sign_in()
    console.clock.advance(RENEWED_AFTER)
    await console.act("/console/logout")

    async def left(now: datetime) -> int:
        async with console.engine.begin() as db:
            await prune_spent(db, now, 10)
            return len((await db.execute(select(spent_tokens))).all())

    ends = began + LONGEST + LATER
    assert await left(ends - timedelta(seconds=1)) == 1
    assert await left(ends) == 0


async def test_auditor_sees_no_page_of_administrators(console: Console) -> None:
    answer = await console.sign_in(Role.AUDITOR)
    assert (await console.get(answer.headers["location"])).status_code == 200
    refused = await console.get("/console/keys")
    assert refused.status_code == 403
    assert "wrong-role" in refused.text
    assert 'href="/console/keys"' not in refused.text


async def test_logins_are_written_down(console: Console) -> None:
    await console.sign_in()
    await console.act("/console/logout")
    actor = f"admin:{(await console.key()).id}"
    async with console.engine.connect() as db:
        written = await trail(db, "console.")
    assert [(one.actor, one.action) for one in written] == [
        (actor, "console.signed_in"),
        (actor, "console.signed_out"),
    ]


async def test_failures_are_counted_without_flooding_the_trail(
    console: Console,
) -> None:
    for _ in range(5):
        await console.post("/console/login", {"key": "nonsense"})
    console.clock.advance(timedelta(minutes=1))
    await console.post("/console/login", {"key": "nonsense"})

    async with console.engine.connect() as db:
        written = await trail(db, "console.login_failed")
    assert [one.facts["failures"] for one in written] == [1, 5]


async def test_address_that_fails_too_often_has_to_wait(console: Console) -> None:
    for _ in range(MOST_FAILURES):
        answer = await console.post("/console/login", {"key": "nonsense"})
        assert answer.status_code == 422
    answer = await console.post("/console/login", {"key": "nonsense"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0

    console.clock.advance(EACH)
    answer = await console.post("/console/login", {"key": "nonsense"})
    assert answer.status_code == 422


async def test_nobody_locks_an_administrator_out(console: Console) -> None:
    await console.key()
    for _ in range(MOST_FAILURES + 1):
        await console.post("/console/login", {"key": "nonsense"})
    assert (await console.sign_in()).status_code == 303


def test_failures_of_one_address_slow_down_no_other(clock: FixedClock) -> None:
    attempts, now = Attempts(), clock.now()
    for _ in range(MOST_FAILURES):
        attempts.failed("::ffff:192.0.2.1", now)
    assert attempts.wait("192.0.2.1", now) > timedelta(0)
    assert attempts.wait("::ffff:192.0.2.2", now) == timedelta(0)
