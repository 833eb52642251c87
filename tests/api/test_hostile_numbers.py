"""No whole number comes back by any field that a carrier or a platform can fill."""

import json
import logging
import unicodedata
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.order_api import CONSENT, Scene, a_scene, order_body, query_body
from unbind_broker.audit.tables import audit_events
from unbind_broker.items.tables import items
from unbind_broker.orders.tables import orders

DIGITS = "13800001234"
WRITTEN = {
    "plain": "13800001234",
    "E.164": "+8613800001234",
    "without plus": "8613800001234",
    "with zeros": "008613800001234",
    "spaces": "138 0000 1234",
    "country and spaces": "+86 138 0000 1234",
    "hyphens": "+86-138-0000-1234",
    "dots": "138.0000.1234",
    "brackets": "(+86)138_0000_1234",
    "one by one": "1 3 8 0 0 0 0 1 2 3 4",
    "full width": "１３８００００１２３４",
    "Arabic": "١٣٨٠٠٠٠١٢٣٤",
    "mathematical": "𝟏𝟑𝟖𝟎𝟎𝟎𝟎𝟏𝟐𝟑𝟒",
    "circled": "①③⑧⓪⓪⓪⓪①②③④",
    "raised": "¹³⁸⁰⁰⁰⁰¹²³⁴",
    "tildes": "138~0000~1234",
    "with text": "tel:13800001234;ext",
}
"""Of the range that is made up."""
UNSEEN = {
    "zero width": "138\u200b0000\u200b1234",
    "soft hyphens": "138\u00ad0000\u00ad1234",
    "full-width spaces": "138\u3000\u30000000\u30001234",
}


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


def holds_number(text: str) -> bool:
    """Tell whether the number can be read, whatever its digits are and stand between.

    Digits of other facts stand apart from it by letters, which none of the forms has.
    """
    kept = (one for one in text if not one.isspace() and one.isprintable())
    plain = "".join(
        str(unicodedata.digit(one, one)) for one in kept if one not in "-_.~()+"
    )
    return DIGITS in plain


def test_every_form_can_be_read() -> None:
    for written in (*WRITTEN.values(), *UNSEEN.values()):
        assert holds_number(f"x {written} x")


@pytest.fixture(params=[*WRITTEN, *UNSEEN])
def written(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return {**WRITTEN, **UNSEEN}[name]


async def everything_about(scene: Scene, order_id: str) -> str:
    """What the carrier reads of an order, and what is kept of it."""
    answers = [
        await scene.get(f"/v1/orders/{order_id}"),
        await scene.get("/v1/orders"),
        await scene.get(f"/v1/orders/{order_id}/receipt"),
        await scene.get("/v1/events"),
    ]
    async with scene.engine.connect() as db:
        rows = [
            *(await db.execute(select(audit_events.c.facts))).all(),
            *(await db.execute(select(items))).all(),
            *(await db.execute(select(orders.c.reference))).all(),
        ]
    return json.dumps([one.text for one in answers], ensure_ascii=False) + str(rows)


async def test_it_comes_back_by_no_word_of_a_platform(
    scene: Scene, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "unbind_broker")
    order_id = (await scene.post("/v1/orders", order_body())).json()["id"]
    said: list[dict[str, Any]] = [
        {"outcome": "in_progress", "detail": f"of {written}, wait"},
        {"outcome": written},
        {"outcome": "refused", "reason": written},
        {"outcome": "refused", written: 1},
        {"outcome": "unbound", "removed": written},
        {"outcome": "unbound", "last_bound_at": written},
        {"outcome": "refused", "reason": "other", "detail": written},
    ]
    answers = [await scene.report("weibo", {"id": order_id, **one}) for one in said]
    answers.append(await scene.report("weibo", {"id": written, "outcome": "not_bound"}))
    read = [
        one["detail"]
        for answer in answers
        for one in _lines(answer)
        if one.get("detail")
    ]
    assert not any(holds_number(detail) for detail in read)
    assert not holds_number(await everything_about(scene, order_id))
    assert not holds_number(str([vars(record) for record in caplog.records]))


def _lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, Any]] = answer.json()["results"]
    return lines


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_it_comes_back_by_no_url_of_a_platform(
    scene: Scene, written: str, times: int
) -> None:
    order_id = (await scene.post("/v1/orders", order_body())).json()["id"]
    part = written
    for _ in range(times):
        part = quote(part)
    line = {
        "id": order_id,
        "outcome": "action_required",
        "action": "confirm_in_app",
        "action_url": f"https://weibo.com/confirm?of={part}",
    }
    (answered,) = _lines(await scene.report("weibo", line))
    assert (answered["status"], answered["code"]) == ("rejected", "action-url-refused")
    assert not holds_number(await everything_about(scene, order_id))


async def test_it_comes_back_by_no_word_of_a_carrier(
    scene: Scene, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "unbind_broker")
    bodies: list[dict[str, Any]] = [
        order_body(reference=written),
        order_body(platforms=[written]),
        order_body(platforms=[written, written]),
        order_body(owner_since=written),
        order_body(scope=written),
        order_body(action=written),
        order_body(**{written: 1}),
        order_body(consent={**CONSENT, "method": written}),
        order_body(consent={**CONSENT, "at": written}),
        order_body(number=f"x{written}"),
        order_body(query_id=written, number=..., owner_since=...),
    ]
    answers = [await scene.post("/v1/orders", body) for body in bodies]
    answers.append(await scene.post("/v1/queries", query_body(reference=written)))
    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert not holds_number(answer.text)
    paths = ("/v1/orders", "/v1/queries")
    found = [await scene.get(f"{path}/{quote(written)}") for path in paths]
    found.append(await scene.get("/v1/orders", status=written))
    found.append(await scene.get("/v1/orders", cursor=written))
    for answer in found:
        assert answer.status_code in {404, 422}
        assert not holds_number(answer.text)
    assert not holds_number(str([vars(record) for record in caplog.records]))


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Request-Id": DIGITS},
        {"X-Request-Id": "138.0000.1234"},
        {"X-Request-Id": "1-3-8-0-0-0-0-1-2-3-4"},
        {"traceparent": f"00-{DIGITS:0>32}-{DIGITS:0>16}-01"},
        {"Idempotency-Key": DIGITS},
        {"User-Agent": DIGITS},
        {"Prefer": f"wait={DIGITS}"},
    ],
    ids=str,
)
async def test_it_comes_back_by_no_header(
    scene: Scene, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "unbind_broker")
    answer = await scene.post("/v1/orders", order_body(), headers)
    assert answer.status_code == 202
    assert not holds_number(str(answer.headers) + answer.text)
    assert not holds_number(str([vars(record) for record in caplog.records]))


async def test_other_numbers_in_urls_and_references_are_let_through(
    scene: Scene,
) -> None:
    body = order_body(reference="R-20261121-000017")
    order_id = (await scene.post("/v1/orders", body)).json()["id"]
    for part in ("t=1732189200", "2026/11/21/13", "id=1732189200-5", "n=138"):
        line = {
            "id": order_id,
            "outcome": "action_required",
            "action": "verify_code",
            "action_url": f"https://weibo.com/{part}",
        }
        (answered,) = _lines(await scene.report("weibo", line))
        assert answered["status"] == "recorded", part
