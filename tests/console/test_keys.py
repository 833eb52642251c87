"""Keys are issued and revoked by the console's forms."""

from tests.console.scene import Console, hidden
from tests.support.builders import a_carrier
from unbind_broker.keys import service
from unbind_broker.keys.tables import Role


async def test_new_key_is_shown_once_and_works(console: Console) -> None:
    async with console.engine.begin() as db:
        carrier = await a_carrier(db)
    await console.sign_in()
    made = await console.act(
        "/console/keys/issue", role="carrier", carrier=carrier.slug, name="till"
    )
    text = made.text.partition('aria-labelledby="key-label">')[2].partition("<")[0]
    async with console.engine.connect() as db:
        caller = await service.find_caller(db, console.clock.now(), text)
    assert caller is not None
    assert caller.carrier_slug == carrier.slug
    assert text not in (await console.get("/console/keys")).text


async def test_wrong_holder_is_told_beside_the_field(console: Console) -> None:
    await console.sign_in()
    answer = await console.act("/console/keys/issue", role="carrier", carrier="nobody")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'value="nobody"' in answer.text


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


async def is_revoked(console: Console, key_id: int) -> bool:
    async with console.engine.connect() as db:
        keys = await service.list_page(db, None, 10)
    return any(one.id == key_id and one.revoked_at is not None for one in keys)
