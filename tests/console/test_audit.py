"""The trail in the console: searched, proven, verified, taken away."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.console.scene import Console, hidden
from tests.support.audit import seal_everything
from tests.support.clock import NOON
from tests.support.sealing import BLIND_INDEX
from tests.support.trail import trail
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.ids import Prefix, format_id, new_uuid7
from unbind_broker.base.numbers import parse_number
from unbind_broker.keys.tables import Role

PAGE = "/console/audit"
NUMBER = "13800000042"
HOSTILE = '<script>alert("1")</script>'


async def written(console: Console, *facts: Fact) -> None:
    async with console.engine.begin() as db:
        await record(db, console.clock.now(), *facts)


async def events(console: Console) -> list[str]:
    """Give the ids of all events, the oldest first."""
    async with console.engine.connect() as db:
        found = await db.execute(text("SELECT id FROM audit_events ORDER BY id"))
        return [format_id(Prefix.EVENT, one) for one in found.scalars()]


async def page(console: Console, path: str = PAGE) -> str:
    answer = await console.get(path, accept_language="en")
    assert answer.status_code == 200
    return answer.text


async def test_auditors_begin_there_and_carriers_names_are_escaped(
    console: Console,
) -> None:
    await written(console, Fact("broker", "brake.engaged", facts={"reason": HOSTILE}))
    answer = await console.sign_in(Role.AUDITOR)
    assert answer.headers["location"] == PAGE
    shown = await page(console)
    assert "brake.engaged" in shown
    assert HOSTILE not in shown
    assert "&lt;script&gt;" in shown


async def test_trail_is_filtered(console: Console) -> None:
    order = new_uuid7(NOON)
    await written(
        console,
        Fact("carrier:china-mobile", "order.accepted", order, facts={"items": 301}),
        Fact("platform:weibo", "item.answered", facts={"items": 302}),
    )
    await console.sign_in()
    name = format_id(Prefix.ORDER, order)
    shown = [await page(console, f"{PAGE}?order={name}")]
    for fields, found in (
        ({"order": name}, [301]),
        ({"actor": "platform:weibo"}, [302]),
        ({"action": "order.accepted"}, [301]),
        ({"before": "2020-01-01T00:00"}, []),
        ({"after": "2020-01-01T00:00", "actor": "platform:weibo"}, [302]),
        ({"actor": "nobody"}, []),
    ):
        shown.append((await console.seek("audit", **fields)).text)
        among = [n for n in (301, 302) if f"{n}</span>" in shown[-1]]
        assert among == found, fields
    assert "301</span>" in shown[0]
    assert "302</span>" not in shown[0]


@pytest.mark.parametrize(
    ("name", "wrong"), [("order", "nothing"), ("after", "soon"), ("before", "1")]
)
async def test_wrong_filter_is_told_beside_its_field(
    console: Console, name: str, wrong: str
) -> None:
    await console.sign_in()
    answer = await console.seek("audit", **{name: wrong})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{wrong}"' in answer.text


async def test_what_an_address_names_no_order_by_is_in_no_field(
    console: Console,
) -> None:
    await console.sign_in()
    answer = await console.get(f"{PAGE}?order={NUMBER}")
    assert answer.status_code == 422
    assert f'value="{NUMBER}"' not in answer.text


async def test_trail_is_paged(console: Console) -> None:
    for count in range(60):
        await written(console, Fact("broker", "a.b", facts={"place": f"no-{count}"}))
    await console.sign_in()
    shown = (await console.seek("audit", action="a.b")).text
    more = shown.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    following = await page(console, more.replace("&amp;", "&"))
    assert "no-59<" in shown
    assert "no-9<" not in shown
    assert "no-9<" in following
    assert 'rel="next"' not in following
    sealed = more.partition("&")[0]
    assert f'href="{sealed}#events"' in following


async def test_number_is_found_by_its_form_and_named_nowhere(console: Console) -> None:
    index = BLIND_INDEX.index(parse_number(NUMBER, "CN"))
    await written(
        console,
        *(Fact("broker", "a.b", None, index, {"place": f"no-{n}"}) for n in range(60)),
        Fact("broker", "a.other"),
    )
    await console.sign_in()
    found = await console.act(f"{PAGE}/find", number=NUMBER)
    assert found.text.count("no-") == 50
    assert "a.other" not in found.text
    assert NUMBER not in found.text
    fields = hidden(found)
    assert set(fields) == {"_token", "subject", "behind"}
    rest = await console.post(f"{PAGE}/find", fields)
    assert rest.text.count("no-") == 10
    async with console.engine.connect() as db:
        read = "SELECT number_index FROM audit_events WHERE action = 'audit.read'"
        assert list((await db.execute(text(read))).scalars()) == [index, index]


@pytest.mark.parametrize("fields", [{"number": "12"}, {"subject": "zz"}, {}])
async def test_wrong_number_is_refused(
    console: Console, fields: dict[str, str]
) -> None:
    await console.sign_in()
    assert (await console.act(f"{PAGE}/find", **fields)).status_code == 422


async def test_every_reading_is_written_down(console: Console) -> None:
    await console.sign_in()
    await console.seek("audit", action="a.b")
    async with console.engine.connect() as db:
        (read,) = await trail(db, "audit.read")
    assert read.actor == f"admin:{(await console.key()).id}"
    assert read.facts == {"what": "events", "filters": {"action": "a.b"}, "shown": 0}


async def test_event_is_proven(console: Console) -> None:
    await written(console, Fact("broker", "a.b"), Fact("broker", "a.c"))
    first, _ = await events(console)
    await seal_everything(console.engine)
    await console.sign_in()
    shown = await page(console, f"{PAGE}/events/{first}")
    assert "Proven: it is as it was sealed" in shown
    assert "1 of 2" in shown


async def test_changed_event_is_told(console: Console) -> None:
    await written(console, Fact("broker", "a.b"), Fact("broker", "a.c"))
    first, _ = await events(console)
    await seal_everything(console.engine)
    async with console.engine.begin() as db:
        await db.execute(text("UPDATE audit_events SET actor = 'x'"))
    await console.sign_in()
    assert "It is not as it was sealed" in await page(console, f"{PAGE}/events/{first}")

    told = await console.act(f"{PAGE}/verify")
    assert "发现 2 处问题" in told.text
    assert f"{PAGE}/events/{first}" in told.text


async def test_event_that_is_not_sealed_yet_says_so(console: Console) -> None:
    await written(console, Fact("broker", "a.b"))
    (first,) = await events(console)
    await console.sign_in()
    assert "Not sealed yet" in await page(console, f"{PAGE}/events/{first}")


@pytest.mark.parametrize("name", ["evt_01kb2x5c7zf3v8h1m4n6p9q2rs", "nothing"])
async def test_unknown_event_is_not_there(console: Console, name: str) -> None:
    await console.sign_in()
    assert (await console.get(f"{PAGE}/events/{name}")).status_code == 404


async def test_newest_events_are_verified(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    none = await console.act(f"{PAGE}/verify")
    assert "还没有封印可校验" in none.text
    await seal_everything(console.engine)
    good = await console.act(f"{PAGE}/verify")
    assert "未发现问题" in good.text
    async with console.engine.connect() as db:
        read = [one.facts for one in await trail(db, "audit.read")]
    assert read[-1] == {"what": "verification", "seals": 1, "faults": 0}


async def test_verifying_needs_the_token_of_the_login(console: Console) -> None:
    await console.sign_in()
    assert (await console.post(f"{PAGE}/verify", {"any": ""})).status_code == 403


async def test_late_sealing_is_told(console: Console) -> None:
    await written(console, Fact("broker", "a.b"))
    await console.sign_in()
    assert "Sealing is more than a minute behind" not in await page(console)
    console.clock.advance(timedelta(minutes=2))
    assert "Sealing is more than a minute behind" in await page(console)


async def test_sealed_trail_is_taken_away(console: Console) -> None:
    await written(console, Fact("broker", "a.b"), Fact("broker", "a.c"))
    await seal_everything(console.engine)
    await console.sign_in()
    answer = await console.get(f"{PAGE}/export")
    assert "attachment" in answer.headers["content-disposition"]
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["type"] for line in lines] == ["event", "event", "seal"]
