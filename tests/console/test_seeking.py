"""What somebody types to seek stands in no address, and a number not even sealed."""

import re
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

import unbind_broker.console
from tests.console.ordering import Shop, a_shop
from tests.console.scene import Console
from unbind_broker.keys.tables import Role

TEMPLATES = Path(unbind_broker.console.__file__).parent / "templates"
NUMBER = "13800000042"
WIDE = "".join(chr(ord("０") + int(one)) for one in NUMBER)
FIELDS = [
    ("audit", "actor"),
    ("audit", "action"),
    ("audit", "order"),
    ("audit", "after"),
    ("clearances", "carrier"),
    ("platforms", "name"),
    ("violations", "carrier"),
    ("violations", "platform"),
]
GET_FORM = re.compile(r'<form[^>]*method="get".*?</form>', re.DOTALL)


@pytest.fixture
async def shop(console: Console) -> Shop:
    await console.sign_in()
    return await a_shop(console.engine, console.clock, "weibo")


def test_forms_that_write_addresses_hold_no_text() -> None:
    forms = [
        form
        for template in sorted(TEMPLATES.glob("*.html"))
        for form in GET_FORM.findall(template.read_text("utf-8"))
    ]
    assert forms
    for form in forms:
        assert "ui.field(" not in form
        assert "<input" not in form


@pytest.mark.parametrize(("name", "field"), FIELDS)
async def test_what_is_typed_stands_in_no_address(
    console: Console, name: str, field: str
) -> None:
    await console.sign_in()
    led = await console.act(f"/console/seek/{name}", **{field: "typed 1380000"})
    where = led.headers["location"]
    assert where.startswith(f"/console/{name}?sought=")
    assert "typed" not in where
    assert "1380000" not in unquote_plus(where)
    page = await console.get(where)
    assert 'value="typed 1380000"' in page.text


@pytest.mark.parametrize(("name", "field"), FIELDS)
async def test_number_is_refused_and_not_said_again(
    console: Console, name: str, field: str
) -> None:
    await console.sign_in()
    for typed in (NUMBER, "+86 138-0000-0042", WIDE):
        answer = await console.act(f"/console/seek/{name}", **{field: typed})
        assert answer.status_code == 422
        assert "location" not in answer.headers
        assert typed not in answer.text
        assert NUMBER not in answer.text


async def test_number_that_reads_as_a_day_and_an_hour_is_a_number(
    console: Console,
) -> None:
    await console.sign_in()
    day, hour = "1381-12-31", "12"
    typed = f"{day.replace('-', '')}0{hour}"
    answer = await console.act("/console/seek/audit", actor=typed)
    assert answer.status_code == 422
    assert typed not in answer.text


@pytest.mark.parametrize("typed", ["2026-11-21T10:30", "2026-11-21"])
async def test_instants_are_sought(console: Console, typed: str) -> None:
    await console.sign_in()
    page = await console.seek("audit", after=typed)
    assert page.status_code == 200
    assert f'value="{typed}"' in page.text


async def test_reference_stands_in_no_address_and_the_next_page_keeps_it(
    console: Console, shop: Shop
) -> None:
    made = [(await shop.order(place, reference="R & 17"))[1] for place in range(1, 53)]
    found = await console.act("/console/orders/find", what="R & 17")
    where = found.headers["location"]
    assert where.startswith("/console/orders?sought=")
    first = (await console.get(where)).text
    more = re.search(r'href="([^"]*)" rel="next"', first)
    assert more is not None
    second = (await console.get(more[1].replace("&amp;", "&"))).text
    assert [name for name in made if f"{name}</code>" in first] == made[2:]
    assert [name for name in made if f"{name}</code>" in second] == made[:2]


async def test_list_is_found_again_after_the_login(console: Console) -> None:
    await console.sign_in()
    led = await console.act("/console/seek/audit", actor="platform:weibo")
    where = led.headers["location"].partition("#")[0]
    await console.act("/console/logout")
    login = (await console.get(where)).headers["location"]
    assert login.startswith("/console/login?next=")
    fields = {"key": (await console.key()).key, "next": where}
    answer = await console.post("/console/login", fields)
    assert answer.headers["location"] == where


@pytest.mark.parametrize("sought", ["x", "=", "%00", "A" * 5000])
async def test_what_nobody_here_sealed_seeks_nothing(
    console: Console, sought: str
) -> None:
    await console.sign_in()
    page = await console.get(f"/console/audit?sought={sought}")
    assert page.status_code == 200
    assert "console.signed_in" in page.text


async def test_what_no_list_knows_is_not_sealed(console: Console) -> None:
    await console.sign_in()
    strange = {f"a{n}": "x" * 100 for n in range(150)}
    led = await console.act("/console/seek/audit", actor="weibo", **strange)
    assert len(led.headers["location"]) < 300


async def test_address_stays_short_whatever_is_typed(console: Console) -> None:
    await console.sign_in()
    longest = dict.fromkeys(("actor", "action", "order"), "𠀀" * 200)
    led = await console.act("/console/seek/audit", **longest)
    where = led.headers["location"]
    assert len(where) < 2000
    assert "\U00020000" * 100 in (await console.get(where)).text


async def test_nothing_typed_leads_to_the_whole_list(console: Console) -> None:
    await console.sign_in()
    led = await console.act("/console/seek/platforms", name="  ")
    assert led.headers["location"] == "/console/platforms"


@pytest.mark.parametrize("name", ["nothing", "keys", "%2F%2Fevil.example"])
async def test_seeking_leads_to_lists_alone(console: Console, name: str) -> None:
    await console.sign_in()
    answer = await console.act(f"/console/seek/{name}", name="x")
    assert answer.status_code == 404


async def test_auditor_seeks_in_the_trail_and_nowhere_else(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.seek("audit", actor="nobody")).status_code == 200
    assert (await console.seek("platforms", name="weibo")).status_code == 403


async def test_seeking_needs_a_form_of_this_login(console: Console) -> None:
    asked = await console.post("/console/seek/audit", {"actor": "x"})
    assert asked.headers["location"] == "/console/login"
    await console.sign_in()
    asked = await console.post("/console/seek/audit", {"actor": "x"})
    assert asked.status_code == 403
