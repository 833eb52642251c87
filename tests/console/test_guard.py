"""What guards the pages: policies, forms of other sites, cookies of choice."""

import pytest

from tests.console.scene import Console, hidden
from tests.support.trail import trail
from unbind_broker.console.guard import POLICY
from unbind_broker.console.static_files import address

POLICY_NEEDED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@pytest.mark.parametrize(
    "path", ["/console", "/console/login", "/console/nothing", "/console/overview/live"]
)
async def test_every_answer_is_guarded(console: Console, path: str) -> None:
    await console.sign_in()
    answer = await console.get(path)
    assert answer.headers["content-security-policy"] == POLICY == POLICY_NEEDED
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-request-id"]


async def test_no_page_holds_what_its_policy_refuses(console: Console) -> None:
    await console.sign_in()
    for path in ("/console", "/console/login", "/console/keys", "/console/session"):
        text = (await console.get(path)).text
        assert "<style" not in text
        assert " style=" not in text
        assert "<script>" not in text
        assert " onclick" not in text


async def test_files_are_kept_for_ever_under_names_of_their_content(
    console: Console,
) -> None:
    for name in ("console.css", "console.js", "htmx.min.js"):
        answer = await console.get(address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert (await console.get(f"/console/static/{name}")).status_code == 404


@pytest.mark.parametrize("token", ["", "x", None])
async def test_form_without_the_token_of_this_login_does_nothing(
    console: Console, token: str | None
) -> None:
    await console.sign_in()
    fields = {"role": "admin"} | ({} if token is None else {"_token": token})
    answer = await console.post("/console/keys/issue", fields)
    assert answer.status_code == 403
    assert "foreign-form" in answer.text
    assert await issued(console) == 0


async def test_token_of_an_older_login_is_none(console: Console) -> None:
    await console.sign_in()
    old = await console.token()
    await console.sign_in()
    fields = {"role": "admin", "_token": old}
    assert (await console.post("/console/keys/issue", fields)).status_code == 403
    assert await issued(console) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://broker.evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": ""},
    ],
)
async def test_form_from_another_place_does_nothing(
    console: Console, headers: dict[str, str]
) -> None:
    await console.sign_in()
    fields = {"role": "admin", "_token": await console.token()}
    answer = await console.post("/console/keys/issue", fields, **headers)
    assert answer.status_code == 403
    assert await issued(console) == 0


async def test_nobody_signs_somebody_in_from_another_place(console: Console) -> None:
    fields = {"key": (await console.key()).key}
    evil = "https://evil.example"
    answer = await console.post("/console/login", fields, origin=evil)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/console/logout", "/console/keys/revoke"])
async def test_actions_are_posted(console: Console, path: str) -> None:
    await console.sign_in()
    assert (await console.get(path)).status_code == 405


async def test_action_without_a_login_leads_to_the_login(console: Console) -> None:
    answer = await console.post("/console/keys/issue", {"role": "admin"})
    assert answer.headers["location"] == "/console/login"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"),
        (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (
            b"&".join(b"%d=" % n for n in range(300)),
            "application/x-www-form-urlencoded",
        ),
        (b"a=\xff", "application/x-www-form-urlencoded"),
    ],
)
async def test_form_that_is_none_is_refused(
    console: Console, body: bytes, kind: str
) -> None:
    await console.sign_in()
    answer = await console.http.post(
        "/console/keys/issue",
        content=body,
        headers={"origin": console.origin, "content-type": kind},
    )
    assert answer.status_code in {400, 403}
    assert "unreadable-form" in answer.text or "foreign-form" in answer.text


async def test_language_and_appearance_are_kept(console: Console) -> None:
    await console.sign_in()
    chosen = await console.get("/console/keys?after=0&lang=en&theme=dark")
    assert chosen.headers["location"] == "/console/keys?after=0"
    page = (await console.get("/console/keys")).text
    assert '<html lang="en" data-theme="dark">' in page
    assert ">Keys<" in page


async def test_reader_is_spoken_to_in_the_language_of_the_browser(
    console: Console,
) -> None:
    english = await console.get("/console/login", accept_language="en-GB,en;q=0.9")
    assert '<html lang="en"' in english.text
    chinese = await console.get("/console/login", accept_language="zh-CN")
    assert '<html lang="zh-CN"' in chinese.text


async def test_unchanged_fragment_costs_no_bytes(console: Console) -> None:
    await console.sign_in()
    first = await console.get("/console/overview/live")
    etag = first.headers["etag"]
    again = await console.get("/console/overview/live", if_none_match=etag)
    assert (again.status_code, again.content) == (304, b"")


async def test_page_of_an_error_tells_the_id_of_the_request(console: Console) -> None:
    await console.sign_in()
    asked = {"x_request_id": "look-for-me"}
    answer = await console.get("/console/nothing", **asked)
    assert answer.status_code == 404
    assert "look-for-me" in answer.text


async def test_api_knows_no_login_of_the_console(console: Console) -> None:
    await console.sign_in()
    assert (await console.get("/v1/admin/keys")).status_code == 401
    assert hidden(await console.get("/console/keys"))


async def issued(console: Console) -> int:
    async with console.engine.connect() as db:
        written = await trail(db, "key.issued")
    return len(written) - len(console.keys)


@pytest.mark.parametrize(
    "path",
    [
        "audit?order=%00",
        "carriers?after=%00",
        "clearances?sought=%00",
        "keys?after=9999999999",
        "orders?carrier=%%0000",
        "platforms/%00",
        "undeliverable?platform=a%00b",
    ],
)
async def test_what_the_database_cannot_hold_is_left_out(
    console: Console, path: str
) -> None:
    await console.sign_in()
    assert (await console.get(f"/console/{path}")).status_code < 500
