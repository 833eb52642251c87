"""Every answer tells browsers and caches what they must not do with it."""

import pytest
from httpx import AsyncClient

from tests.api.registry import Parties

PAGES = ("/docs", "/problems", "/problems/not-found", "/docs/carriers")
PLACES = ("/healthz", "/openapi.json", "/.well-known/jwks.json", "/v1/me", "/nothing")


@pytest.mark.parametrize("path", [*PAGES, *PLACES, "/"])
async def test_no_answer_is_guessed_at_framed_or_told_of(
    api: AsyncClient, path: str
) -> None:
    told = (await api.get(path)).headers
    assert told["x-content-type-options"] == "nosniff"
    assert told["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in told["content-security-policy"]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_load_nothing_from_elsewhere(api: AsyncClient, path: str) -> None:
    answer = await api.get(path, headers={"Accept": "text/html"})
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not {"http:", "https:", "*", "'unsafe-eval'"} & {*policy.split()}


async def test_what_a_key_was_shown_is_stored_nowhere(
    api: AsyncClient, parties: Parties
) -> None:
    for path in ("/v1/me", "/v1/admin/keys", "/v1/nothing", "/v1/orders"):
        answer = await api.get(path, headers=parties.admin)
        assert answer.headers["cache-control"] == "no-store", path
