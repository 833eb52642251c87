"""Platforms are registered and changed in the console, each once that was previewed."""

from html import unescape

import pytest

from tests.console.scene import Console
from tests.support.builders import a_platform
from tests.support.trail import trail
from unbind_broker.keys.tables import Role
from unbind_broker.platforms import service
from unbind_broker.platforms.profile import Profile
from unbind_broker.platforms.service import Platform
from unbind_broker.platforms.tables import World

NEW = "/console/platforms/-/new"
CHANGE = "/console/platforms/weibo/profile"


async def found(console: Console, slug: str = "weibo") -> Platform | None:
    async with console.engine.connect() as db:
        return await service.find(db, slug)


async def a_weibo(console: Console) -> dict[str, str]:
    """Register it; gives its fields as its page shows them."""
    async with console.engine.begin() as db:
        profile = (await a_platform(db, "weibo")).profile
    await console.sign_in()
    return {
        "name_zh": profile.name_zh,
        "name_en": profile.name_en,
        "category": profile.category,
        "domains": " ".join(profile.domains),
        **{f"can.{one}": "yes" for one in profile.capabilities},
        **({"sensitive": "yes"} if profile.sensitive else {}),
    }


async def test_platform_is_registered_once_that_was_previewed(
    console: Console,
) -> None:
    await console.sign_in()
    assert NEW in (await console.get("/console/platforms")).text
    assert (await console.get(NEW)).status_code == 200
    preview = await console.act(
        NEW,
        slug="weibo",
        name_zh="微博",
        sensitive="yes",
        domains="Weibo.com, weibo.cn",
        cancel_url="https://weibo.com/cancel",
        **{"can.detach": "yes", "can.restore": "yes"},
    )
    assert preview.status_code == 200
    assert "weibo.com, weibo.cn" in preview.text
    assert await found(console) is None

    done = await console.confirm(NEW, preview)
    assert done.headers["location"] == "/console/platforms/weibo"
    platform = await found(console)
    assert platform is not None
    assert platform.world is World.REAL
    assert platform.profile == Profile(
        name_zh="微博",
        name_en="weibo",
        sensitive=True,
        domains=("weibo.com", "weibo.cn"),
        capabilities=("detach", "restore"),
        cancel_url="https://weibo.com/cancel",
    )
    async with console.engine.connect() as db:
        (told,) = await trail(db, "platform.added")
    assert told.actor == f"admin:{(await console.key()).id}"


async def test_test_endpoint_is_registered(console: Console) -> None:
    await console.sign_in()
    fields = {"slug": "weibo-test", "sandbox": "yes", "can.detach": "yes"}
    await console.confirm(NEW, await console.act(NEW, **fields))
    platform = await found(console, "weibo-test")
    assert platform is not None
    assert platform.world is World.SANDBOX


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slug": "Wei bo"}, "Use lower-case letters"),
        ({"slug": ""}, "Use lower-case letters"),
        ({"slug": "taken"}, "This slug is taken"),
        ({"domains": "weibo"}, "Give domains such as"),
        ({"cancel_url": "https://example.org/"}, "Give an https address"),
        ({"can.detach": ""}, "Choose at least one"),
        ({"name_zh": "13800000001"}, "No phone number"),
    ],
)
async def test_what_is_wrong_stands_beside_the_fields(
    console: Console, change: dict[str, str], words: str
) -> None:
    async with console.engine.begin() as db:
        await a_platform(db, "taken")
    await console.sign_in()
    await console.get("/console/session?lang=en")
    fields = {"slug": "weibo", "category": "social", "can.detach": "yes", **change}
    answer = await console.act(NEW, **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="social"' in answer.text
    assert await found(console) is None


async def test_only_what_differs_is_changed(console: Console) -> None:
    fields = await a_weibo(console)
    assert CHANGE in (await console.get("/console/platforms/weibo")).text
    page = await console.get(CHANGE)
    assert f'value="{fields["name_zh"]}"' in page.text
    preview = await console.act(CHANGE, **{**fields, "name_en": "Micro-blog"})
    assert f"{fields['name_en']} → Micro-blog" in unescape(preview.text)
    await console.confirm(CHANGE, preview)
    platform = await found(console)
    assert platform is not None
    assert platform.profile.name_en == "Micro-blog"
    async with console.engine.connect() as db:
        (told,) = await trail(db, "platform.changed")
    assert told.facts == {"slug": "weibo", "name_en": "Micro-blog"}


async def test_turning_sensitive_warns_of_what_it_does(console: Console) -> None:
    fields = await a_weibo(console)
    hiding = await console.act(CHANGE, **fields, sensitive="yes")
    assert "不再看到该平台" in hiding.text
    await console.confirm(CHANGE, hiding)
    platform = await found(console)
    assert platform is not None
    assert platform.profile.sensitive
    revealing = await console.act(CHANGE, **fields)
    assert "无法收回" in revealing.text


async def test_nothing_to_change_is_said(console: Console) -> None:
    fields = await a_weibo(console)
    answer = await console.act(CHANGE, **fields)
    assert answer.headers["location"] == "/console/platforms/weibo"
    assert "没有任何改动" in (await console.get("/console/platforms/weibo")).text


async def test_wrong_change_is_refused(console: Console) -> None:
    fields = await a_weibo(console)
    answer = await console.act(CHANGE, **{**fields, "domains": "x"})
    assert answer.status_code == 422
    assert 'class="fault"' in answer.text


async def test_unknown_platform_is_not_there(console: Console) -> None:
    await console.sign_in()
    assert (await console.get(CHANGE)).status_code == 404
    assert (await console.act(CHANGE, name_zh="x")).status_code == 404


@pytest.mark.parametrize("path", [NEW, CHANGE])
async def test_auditors_have_no_such_page(console: Console, path: str) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(path)).status_code == 403
