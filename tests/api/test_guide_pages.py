"""The guides are served as pages to read, and need nothing from elsewhere."""

import re
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, in_process
from tests.support.clock import FixedClock
from unbind_broker.api.guide import LANGUAGES, PAGES
from unbind_broker.app.factory import document

LINK = re.compile(r'<a href="([^"#][^"]*)"')


@pytest.fixture
async def api(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[AsyncClient]:
    async with in_process(a_runtime(engine, clock)) as http:
        yield http


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
async def test_page_is_whole_and_loads_and_runs_nothing(
    api: AsyncClient, page: str, language: str
) -> None:
    answer = await api.get(f"/docs/{page}", params={"lang": language})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in answer.text
    assert not re.search(r"<(script|img|iframe)|src=|@import|url\(", answer.text)
    assert "&lt;a id=" not in answer.text


async def test_bare_address_leads_to_what_there_is_to_read(api: AsyncClient) -> None:
    answer = await api.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/docs")
    assert (await api.get("/docs")).status_code == 200
    assert "/" not in document()["paths"]


@pytest.mark.parametrize("page", PAGES)
async def test_head_of_a_page_is_that_of_the_page(api: AsyncClient, page: str) -> None:
    whole, head = await api.get(f"/docs/{page}"), await api.head(f"/docs/{page}")
    assert head.status_code == 200
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert head.headers[name] == whole.headers[name]
    assert (await api.head("/docs/nothing")).status_code == 404
    assert (await api.head("/")).headers["Location"] == "/docs"


async def test_document_tells_where_the_guides_are(api: AsyncClient) -> None:
    described = document()["info"]["description"]
    for guide in ("/docs/carriers", "/docs/platforms"):
        assert f"({guide})" in described
        assert (await api.get(guide)).status_code == 200


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
async def test_links_lead_to_what_is_served(
    api: AsyncClient, page: str, language: str
) -> None:
    text = (await api.get(f"/docs/{page}", params={"lang": language})).text
    own = {link for link in LINK.findall(text) if not link.startswith("https://")}
    assert own
    for link in own:
        path, _, anchor = link.partition("#")
        answer = await api.get(path)
        assert answer.status_code == 200, link
        assert not anchor or f'id="{anchor}"' in answer.text
    for anchor in re.findall(r'href="#([^"]+)"', text):
        assert f'id="{anchor}"' in text


@pytest.mark.parametrize(
    ("query", "spoken", "title"),
    [
        ("", None, "For platforms"),
        ("", "zh-CN,zh;q=0.9,en;q=0.5", "平台接入指南"),
        ("", "fr", "For platforms"),
        ("?lang=zh", "en", "平台接入指南"),
        ("?lang=en", "zh", "For platforms"),
    ],
)
async def test_page_is_in_the_language_asked_for_or_else_the_readers(
    api: AsyncClient, query: str, spoken: str | None, title: str
) -> None:
    headers = {} if spoken is None else {"Accept-Language": spoken}
    answer = await api.get(f"/docs/platforms{query}", headers=headers)
    assert f"<title>{title}" in answer.text
    assert answer.headers["Vary"] == "Accept-Language"


async def test_unchanged_page_is_not_sent_again(api: AsyncClient) -> None:
    first = await api.get("/docs/platforms")
    known = {"If-None-Match": first.headers["ETag"]}
    again = await api.get("/docs/platforms", headers=known)
    assert (again.status_code, again.content) == (304, b"")


async def test_other_pages_are_not_found(api: AsyncClient) -> None:
    for path in ("/docs/nothing", "/docs/..%2Fpyproject", "/docs/platforms.zh-CN"):
        answer = await api.get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not-found"
    wrong = await api.get("/docs/platforms?lang=fr")
    assert wrong.status_code == 422


def test_pages_are_no_part_of_the_document() -> None:
    assert not any(path.startswith("/docs") for path in document()["paths"])
