"""Keys are issued and revoked by the console's forms."""

import asyncio
import re
from datetime import timedelta

import httpx
import pytest

from tests.console.scene import Console, hidden
from tests.support.builders import a_carrier
from unbind_broker.carriers import service as carriers
from unbind_broker.keys import service
from unbind_broker.keys.tables import Role

ISSUED = "/console/keys/issued"
ISSUING = ("/console/keys", "/console/keys/issue")


async def test_new_key_is_shown_once_and_works(console: Console) -> None:
    issued = await issue(console)
    text = shown_key(await console.get(issued.headers["location"]))
    async with console.engine.connect() as db:
        caller = await service.find_caller(db, console.clock.now(), text)
    assert caller is not None
    assert caller.carrier_slug == "china-mobile"
    assert text not in (await console.get("/console/keys")).text


async def test_reload_issues_no_second_key_and_shows_none(console: Console) -> None:
    await issue(console)
    assert shown_key(await console.get(ISSUED))
    again = await console.get(ISSUED)
    assert (again.status_code, again.headers["location"]) == (303, "/console/keys")
    async with console.engine.connect() as db:
        keys = await service.list_page(db, None, 10)
    assert [one.name for one in keys].count("till") == 1


async def test_form_that_is_sent_twice_issues_one_key(console: Console) -> None:
    await console.sign_in()
    fields = hidden(await console.get("/console/keys"))
    fields |= {"role": "auditor", "name": "till"}
    both = await asyncio.gather(
        *(console.post("/console/keys/issue", fields) for _ in range(2))
    )
    assert sorted(one.status_code for one in both) == [303, 409]
    (refused,) = (one for one in both if one.status_code == 409)
    assert "form-sent-before" in refused.text
    async with console.engine.connect() as db:
        keys = await service.list_page(db, None, 10)
    assert [one.name for one in keys].count("till") == 1


async def test_form_that_was_filled_in_wrongly_is_sent_again(console: Console) -> None:
    await console.sign_in()
    fields = hidden(await console.get("/console/keys")) | {"name": "till"}
    wrong = await console.post("/console/keys/issue", {**fields, "role": "carrier"})
    assert wrong.status_code == 422
    right = await console.post("/console/keys/issue", {**fields, "role": "auditor"})
    assert right.headers["location"] == ISSUED


async def test_form_without_what_its_page_puts_into_it_issues_nothing(
    console: Console,
) -> None:
    await console.sign_in()
    answer = await console.act("/console/keys/issue", role="auditor", name="till")
    assert answer.status_code == 400
    async with console.engine.connect() as db:
        keys = await service.list_page(db, None, 10)
    assert [one.name for one in keys].count("till") == 0


async def test_key_waits_for_a_minute_and_for_its_own_login(console: Console) -> None:
    await issue(console)
    console.http.cookies.delete("unbind_console")
    await console.sign_in()
    assert "unbind_console_issued" in console.http.cookies
    assert (await console.get(ISSUED)).headers["location"] == "/console/keys"

    console.http.cookies.clear()
    await issue(console)
    console.clock.advance(timedelta(minutes=1))
    assert (await console.get(ISSUED)).headers["location"] == "/console/keys"


async def test_wrong_holder_is_told_beside_the_field(console: Console) -> None:
    await console.sign_in()
    answer = await console.fill(*ISSUING, role="carrier", carrier="nobody")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'value="nobody"' in answer.text
    assert "没有登记过这个标识。" in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "king"},
        {"role": "carrier"},
        {"role": "admin", "platform": "weibo"},
        {"role": "admin", "sandbox": "yes"},
        {"role": "admin", "name": "x" * 101},
        {"role": "admin", "name": "13800001234"},
    ],
)
async def test_faults_are_told_in_the_reader_s_language(
    console: Console, wrong: dict[str, str]
) -> None:
    await console.sign_in()
    answer = await console.fill(*ISSUING, **wrong)
    assert answer.status_code == 422
    fault = answer.text.partition('role="alert">')[2].partition("</p>")[0]
    assert re.search("[a-z]", fault) is None, fault


async def test_fault_without_a_field_is_told_in_the_reader_s_language(
    console: Console,
) -> None:
    await console.sign_in()
    answer = await console.act("/console/keys/revoke", key="first")
    assert answer.status_code == 422
    assert "请填写整数。" in answer.text


async def test_key_is_revoked_once_that_was_previewed(console: Console) -> None:
    await console.sign_in()
    auditor = await console.key(Role.AUDITOR)
    shown = await console.act("/console/keys/revoke", key=str(auditor.id))
    assert shown.status_code == 200
    assert not await is_revoked(console, auditor.id)

    done = await console.confirm("/console/keys/revoke", shown)
    assert done.headers["location"] == "/console/keys"
    assert await is_revoked(console, auditor.id)


async def test_preview_of_one_key_revokes_no_other(console: Console) -> None:
    await console.sign_in()
    auditor = await console.key(Role.AUDITOR)
    shown = await console.act("/console/keys/revoke", key=str(auditor.id))
    own = (await console.key()).id

    fields = {**hidden(shown), "key": str(own)}
    again = await console.post("/console/keys/revoke", fields)
    assert again.status_code == 200
    assert 'role="alert"' in again.text
    assert not await is_revoked(console, own)


async def issue(console: Console) -> httpx.Response:
    await console.sign_in()
    async with console.engine.begin() as db:
        carrier = await carriers.find(db, "china-mobile") or await a_carrier(db)
    fields = {"role": "carrier", "carrier": carrier.slug, "name": "till"}
    issued = await console.fill(*ISSUING, **fields)
    assert issued.headers["location"] == ISSUED
    return issued


def shown_key(page: httpx.Response) -> str:
    return page.text.partition('aria-labelledby="key-label">')[2].partition("<")[0]


async def is_revoked(console: Console, key_id: int) -> bool:
    async with console.engine.connect() as db:
        keys = await service.list_page(db, None, 10)
    return any(one.id == key_id and one.revoked_at is not None for one in keys)
