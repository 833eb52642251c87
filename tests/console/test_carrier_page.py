"""Carriers are registered and changed in the console, each once that was previewed."""

import json

import pytest

from tests.console.scene import Console
from tests.support.builders import a_carrier
from tests.support.trail import trail
from unbind_broker.carriers import service
from unbind_broker.carriers.jwks import key_ids
from unbind_broker.carriers.service import Carrier
from unbind_broker.keys.tables import Role

NEW = "/console/carriers/-/new"
PAGE = "/console/carriers/china-mobile"
CHANGE = f"{PAGE}/change"
WARNING = "移除的公钥立即失效"
X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


def keys(*kids: str, **more: str) -> str:
    found = [
        {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": kid, **more} for kid in kids
    ]
    return json.dumps({"keys": found})


async def found(console: Console, slug: str = "china-mobile") -> Carrier | None:
    async with console.engine.connect() as db:
        return await service.find(db, slug)


async def known(console: Console) -> Carrier:
    carrier = await found(console)
    assert carrier is not None
    return carrier


async def a_mobile(console: Console) -> dict[str, str]:
    """Register it; gives its fields as its page shows them."""
    async with console.engine.begin() as db:
        carrier = await a_carrier(db, "china-mobile")
    await console.sign_in()
    return {"name_zh": carrier.name_zh, "name_en": carrier.name_en}


async def test_carrier_is_registered_once_that_was_previewed(console: Console) -> None:
    await console.sign_in()
    assert NEW in (await console.get("/console/carriers")).text
    assert (await console.get(NEW)).status_code == 200
    fields = {"slug": "china-mobile", "name_zh": "中国移动", "jwks": keys("2026")}
    preview = await console.act(NEW, **fields, attestation_required="yes")
    assert preview.status_code == 200
    assert await found(console) is None

    done = await console.confirm(NEW, preview)
    assert done.headers["location"] == PAGE
    carrier = await known(console)
    assert (carrier.name_zh, carrier.name_en) == ("中国移动", "china-mobile")
    assert key_ids(carrier.jwks) == ["2026"]
    assert carrier.attestation_required
    async with console.engine.connect() as db:
        (told,) = await trail(db, "carrier.added")
    assert told.actor == f"admin:{(await console.key()).id}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slug": "China Mobile"}, "Use lower-case letters"),
        ({"slug": "taken"}, "This slug is taken"),
        ({"name_en": "\x07"}, "none of them a control character"),
        ({"jwks": "{"}, "Give a JWK set"),
        ({"jwks": "[]"}, "Give a JWK set"),
        ({"jwks": keys("2026", d="c2VjcmV0")}, "This is a private key"),
        ({"jwks": keys("\0")}, "printable texts"),
        ({"jwks": keys("\ud800")}, "printable texts"),
        ({"jwks": f'{{"keys":[{{"kid":{"[" * 600}{"]" * 600}}}]}}'}, "printable texts"),
        ({"attestation_required": "yes"}, "cannot be checked without keys"),
    ],
)
async def test_what_is_wrong_stands_beside_the_fields(
    console: Console, change: dict[str, str], words: str
) -> None:
    async with console.engine.begin() as db:
        await a_carrier(db, "taken")
    await console.sign_in()
    await console.get("/console/session?lang=en")
    fields = {"slug": "china-mobile", "name_zh": "中国移动", **change}
    answer = await console.act(NEW, **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="中国移动"' in answer.text
    assert "c2VjcmV0" not in answer.text
    assert await found(console) is None


async def test_page_tells_what_is_known_of_it(console: Console) -> None:
    fields = await a_mobile(console)
    assert f'href="{PAGE}"' in (await console.get("/console/carriers")).text
    page = (await console.get(PAGE, accept_language="en")).text
    assert f'value="{fields["name_zh"]}"' in page
    assert "100 a second, 500 at once" in page
    assert "/console/orders?carrier=china-mobile" in page


async def test_leaked_key_is_taken_out_once_that_was_previewed(
    console: Console,
) -> None:
    fields = await a_mobile(console)
    await console.confirm(
        CHANGE, await console.act(CHANGE, **fields, jwks=keys("old", "leaked"))
    )
    assert key_ids((await known(console)).jwks) == ["old", "leaked"]
    preview = await console.act(CHANGE, **fields, jwks=keys("old"))
    assert "old, leaked → old" in preview.text
    assert WARNING in preview.text
    assert key_ids((await known(console)).jwks) == ["old", "leaked"]
    await console.confirm(CHANGE, preview)
    assert key_ids((await known(console)).jwks) == ["old"]


async def test_only_a_key_that_goes_is_warned_of(console: Console) -> None:
    fields = await a_mobile(console)
    other = keys("old").replace(X, "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
    first = await console.act(CHANGE, **fields, jwks=keys("old"))
    assert WARNING not in first.text
    await console.confirm(CHANGE, first)
    added = await console.act(CHANGE, **fields, jwks=keys("old", "new"))
    assert "old → old, new" in added.text
    assert WARNING not in added.text
    replaced = await console.act(CHANGE, **fields, jwks=other)
    assert WARNING in replaced.text


async def test_names_are_changed_and_keys_stay(console: Console) -> None:
    fields = await a_mobile(console)
    with_keys = {**fields, "jwks": keys("2026")}
    await console.confirm(CHANGE, await console.act(CHANGE, **with_keys))
    renamed = {**fields, "name_en": "Mobile"}
    done = await console.confirm(CHANGE, await console.act(CHANGE, **renamed))
    assert done.headers["location"] == PAGE
    carrier = await known(console)
    assert (carrier.name_en, key_ids(carrier.jwks)) == ("Mobile", ["2026"])


async def test_nothing_to_change_is_said(console: Console) -> None:
    answer = await console.act(CHANGE, **await a_mobile(console))
    assert answer.headers["location"] == PAGE
    assert "没有任何改动" in (await console.get(PAGE)).text


async def test_wrong_change_is_refused(console: Console) -> None:
    fields = await a_mobile(console)
    for change in ({"name_zh": ""}, {"attestation_required": "yes"}, {"jwks": "1"}):
        answer = await console.act(CHANGE, **{**fields, **change})
        assert answer.status_code == 422
    async with console.engine.connect() as db:
        assert await trail(db, "carrier.changed") == []


async def test_unknown_carrier_is_not_there(console: Console) -> None:
    await console.sign_in()
    assert (await console.get(PAGE)).status_code == 404
    assert (await console.act(CHANGE, name_zh="x", name_en="x")).status_code == 404


@pytest.mark.parametrize("path", [NEW, PAGE])
async def test_auditors_have_no_such_page(console: Console, path: str) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(path)).status_code == 403
