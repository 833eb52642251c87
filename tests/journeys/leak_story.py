"""What everybody does in the story, one chapter after the other."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from tests.journeys.leak_cast import (
    FORMER,
    PLATFORMS,
    PRESENT,
    REPORTING,
    World,
    answering,
    failing,
    jwks,
    number,
)
from tests.journeys.speakers import Speaker
from tests.journeys.wrong_requests import (
    EVERYBODY,
    by_carriers,
    with_headers,
    written,
)
from tests.support.receiver import Answer
from tests.support.waiting import eventually

WAIT = {"Prefer": "wait=10"}
_AT_ONCE = 8


async def enrol_everybody(world: World) -> None:
    """Register by command and by call, numbers instead of slugs among them."""
    plain = number(100).removeprefix("+86")
    issue = partial(world.command, "keys", "issue", "--role")
    told = await asyncio.gather(
        issue("admin"),
        world.command("carriers", "add", "china-mobile", "--name-zh", "中国移动"),
        world.command("platforms", "add", "weibo", "--domain", "weibo.com"),
        issue("carrier", "--carrier", plain),
        world.command("platforms", "add", plain, "--name-zh", number(100)),
    )
    assert [code for code, _ in told] == [0, 0, 0, 1, 1]
    world.admit("admin", told[0][1].strip())
    admin = world.speakers["admin"]
    await admin.call("POST", "/v1/admin/carriers", {"slug": "china-unicom"})
    await admin.call("PATCH", "/v1/admin/carriers/china-mobile", {"jwks": jwks()})
    for slug, profile in PLATFORMS.items():
        await admin.call("POST", "/v1/admin/platforms", {"slug": slug, **profile})
    for role, names in {
        "carrier": ("china-mobile", "china-unicom"),
        "platform": ("weibo", *PLATFORMS),
    }.items():
        for name in names:
            asked = {"role": role, role: name}
            issued = await admin.call("POST", "/v1/admin/keys", asked)
            world.admit(name, issued["key"])
    issued = await admin.call("POST", "/v1/admin/keys", {"role": "auditor"})
    world.admit("auditor", issued["key"])


async def open_doors(world: World) -> None:
    """Register endpoints, each of which answers in its own bad way."""
    for slug in ("weibo", "momo", "broken", "hanging", "silent", "china-mobile"):
        await world.enrol(slug)
    await world.enrol("alipay", result_public_key=REPORTING.public.text)
    await world.speakers["fetching"].call("PUT", "/v1/endpoint", {"delivery": "pull"})
    doors = world.receiver.doors
    doors["weibo"].judge = partial(answering, FORMER)
    doors["momo"].judge = partial(answering, PRESENT)
    doors["broken"].judge = failing
    doors["hanging"].usual = Answer(hang=True)
    broken = world.speakers["broken"]
    again = await broken.call("PUT", "/v1/endpoint", {"url": doors["broken"].url})
    assert "secret" not in again
    rotated = await broken.call("POST", "/v1/endpoint/rotate-secret")
    doors["broken"].secrets.append(rotated["secret"])
    await broken.call("POST", "/v1/endpoint/test")


async def say_it_wrong(world: World, last: int, every: int = 1) -> None:
    """Put a number everywhere where one does not belong, or in every n-th place."""
    carrier, named = world.speakers["china-mobile"], number(last)
    requests = [
        *((carrier, one) for one in by_carriers(named, world.asking(last))),
        *((carrier, one) for one in with_headers(named)),
        *((world.speakers["nobody"], one) for one in with_headers(named)),
        *(
            (world.speakers[name], one)
            for name, requests_of in EVERYBODY.items()
            for one in requests_of(named)
        ),
    ]
    places = asyncio.Semaphore(_AT_ONCE)

    async def ask(speaker: Speaker, request: tuple[str, str, dict[str, Any]]) -> None:
        method, path, rest = request
        async with places:
            answer = await speaker.ask(method, path, **rest)
        assert answer.status_code < 500, (method, path, rest, answer.text)

    await asyncio.gather(
        *(ask(speaker, request) for speaker, request in requests[::every])
    )


async def query_and_unbind(world: World) -> None:
    """Ask, act on what was found (a violation among it), and take it back."""
    carrier = world.speakers["china-mobile"]
    asked = world.asking(101, platforms=["weibo", "momo"], reference="R-101")
    query = await carrier.call("POST", "/v1/queries", asked, headers=WAIT)
    await eventually(partial(is_over, carrier, query["id"], "queries"))
    after = world.asking(101, query_id=query["id"])
    del after["number"], after["owner_since"]
    order = await carrier.call("POST", "/v1/orders", after, headers=WAIT)
    await eventually(partial(is_over, carrier, order["id"]))
    assert await _summary(carrier, order["id"]) == {"total": 1, "unbound": 1}
    restored = await carrier.call(
        "POST",
        f"/v1/orders/{order['id']}/restore",
        {"reason": f"called from {number(101)}"},
        headers=WAIT,
    )
    await eventually(partial(is_over, carrier, restored["id"]))
    assert await _summary(carrier, restored["id"]) == {"total": 1, "restored": 1}
    for kind, resource in (("queries", query), ("orders", order)):
        path = f"/v1/{kind}/{resource['id']}/receipt"
        for language in ("zh", "en"):
            page = {"Accept": "text/html", "Accept-Language": language}
            assert (await carrier.ask("GET", path, headers=page)).is_success
        assert (await carrier.ask("GET", path)).is_success
    await world.speakers["admin"].call("GET", "/v1/admin/violations")


async def attest_and_fetch(world: World) -> None:
    """Have one platform report with its signature, another one fetch."""
    carrier, fetching = world.speakers["china-mobile"], world.speakers["fetching"]
    for last, claim in ((102, {"sub": number(103)}), (102, {"scope": "x"})):
        token = world.attested(last, **claim)
        body = world.asking(last, attestation=token, platforms=["alipay"])
        assert (await carrier.ask("POST", "/v1/orders", body)).status_code == 422
    order = await carrier.call(
        "POST",
        "/v1/orders",
        world.asking(
            102,
            attestation=world.attested(102, jti=number(102)),
            platforms=["alipay", "fetching"],
        ),
    )
    items = (await fetching.call("GET", "/v1/items"))["data"]
    assert [item["number"] for item in items] == [number(102)]
    done: dict[str, object] = {"id": order["id"], "outcome": "refused"}
    done |= {"reason": "other", "detail": f"ask {' or '.join(written(number(102)))}"}
    wrong = {"outcome": "action_required", "action": "verify_code"}
    wrong["action_url"] = f"https://weibo.com/?{number(102)}"
    lines = [{**done, **wrong}, done]
    await fetching.call("POST", "/v1/results", {"results": lines})
    alipay = world.receiver.doors["alipay"]
    await eventually(lambda: order["id"] in alipay.item_ids)
    await world.report_signed(f"report-{number(102)[1:]}", done)
    await eventually(partial(is_over, carrier, order["id"]))
    await _take_home(world, order["id"])


async def _take_home(world: World, order_id: str) -> None:
    """Keep a receipt and everything that it takes to check it, as files."""
    for name, speaker, path in (
        ("receipt.jws", "china-mobile", f"/v1/orders/{order_id}/receipt"),
        ("evidence.json", "auditor", f"/v1/audit/orders/{order_id}/evidence"),
        ("jwks.json", "nobody", "/.well-known/jwks.json"),
    ):
        answer = await world.speakers[speaker].ask("GET", path)
        assert answer.is_success
        (world.home / name).write_bytes(answer.content)


async def undo_and_supersede(world: World) -> None:
    """Call orders back in every way there is."""
    carrier, other = world.speakers["china-mobile"], world.speakers["china-unicom"]
    own = {"scope": "current_owner", "platforms": ["hanging"]}
    tried = await carrier.call(
        "POST", "/v1/orders", world.asking(104, platforms=["broken", "hanging"])
    )
    doors = world.receiver.doors
    for slug in ("broken", "hanging"):
        await eventually(partial(_was_asked, doors[slug], tried["id"]))
    held = await carrier.call("POST", "/v1/orders", world.asking(105, **own))
    for order in (tried, held):
        await carrier.call("POST", f"/v1/orders/{order['id']}/cancel")
    for last in (106, 107):
        await carrier.call(
            "POST", "/v1/orders", world.asking(last, platforms=["silent"])
        )
    newer = world.asking(106, owner_since="2025-09-01", platforms=["weibo"])
    await other.call("POST", "/v1/orders", newer)
    late = await carrier.ask("POST", "/v1/orders", world.asking(106))
    assert late.json()["code"] == "ownership-superseded"
    gone = {"number": number(107), "event": "disconnected", "on": "2026-01-01"}
    body = {"holdings": [gone, {**gone, "number": f"{number(107)}0"}, number(107)]}
    told = await carrier.call("POST", "/v1/holdings", body)
    assert (told["recorded"], told["rejected"]) == (1, 2)


async def repeat_and_feed(world: World) -> None:
    """Use numbers as Idempotency-Keys, and stream holdings with bad lines."""
    carrier = world.speakers["china-mobile"]
    body = world.asking(108, platforms=["weibo"], reference="R-108")
    for key in written(number(108))[:4]:
        headers = {"Idempotency-Key": key.replace(" ", "-")}
        first = await carrier.call("POST", "/v1/queries", body, headers=headers)
        again = await carrier.call("POST", "/v1/queries", body, headers=headers)
        assert again["id"] == first["id"]
        reused = await carrier.ask("POST", "/v1/orders", body, headers=headers)
        assert reused.json()["code"] == "idempotency-key-reused"
    lines = [
        f'{{"number":"{one}","event":"activated","on":"2025-03-01"}}'
        for one in (*written(number(109)), f"{number(109)}1")
    ]
    lines += [lines[0][:-9], f"[{number(109)}]", f'"{number(109)}"', "x" * 2000]
    rows = ["number,event,on", f"{number(110)},activated,2025-03-01"]
    rows += [f"{number(110)},{number(110)},x", f"{number(110)}", f'"{number(110)},"",']
    for kind, content in (("application/x-ndjson", lines), ("text/csv", rows)):
        headers = {"Content-Type": kind, "Idempotency-Key": number(109)}
        stream = _pieces("\n".join(content))
        told = await carrier.call(
            "POST", "/v1/holdings", content=stream, headers=headers
        )
        assert told["recorded"] == 1
        assert told["rejected"] >= 3


async def look_everywhere(world: World) -> None:
    """Read everything that administrators, auditors and carriers can read."""
    admin, auditor = world.speakers["admin"], world.speakers["auditor"]
    body = {"number": number(101)}
    for path in ("holdings/search", "numbers/export"):
        await admin.call("POST", f"/v1/admin/{path}", body)
    stop = {"carrier": "china-mobile", "reason": f"wrong dates, as of {number(101)}"}
    await admin.call("POST", "/v1/admin/brake", stop)
    braked = await world.speakers["china-mobile"].ask(
        "POST", "/v1/orders", world.asking(111)
    )
    assert braked.json()["code"] == "unbinding-braked"
    await admin.call("POST", "/v1/admin/brake/release", stop)
    wrong = {"carrier": "china-unicom", "owner_since": "2025-09-01"}
    wrong |= {"number": number(106), "reason": f"told by {number(106)}"}
    await admin.call("POST", "/v1/admin/holdings/retract", wrong)
    for name in ("brake", "carriers", "endpoints", "keys", "platforms", "sealing"):
        await admin.call("GET", f"/v1/admin/{name}")
    sealed = await eventually(partial(_sealed_events, auditor))
    await auditor.call("GET", f"/v1/audit/events/{sealed[0]['id']}/proof")
    await auditor.call("POST", "/v1/audit/events/search", body)
    await auditor.call("GET", "/v1/audit/seals")
    assert (await auditor.ask("GET", "/v1/audit/export")).is_success
    for name in ("china-mobile", "china-unicom"):
        carrier = world.speakers[name]
        await carrier.call("GET", "/v1/events", params={"limit": 200})
        await carrier.call("GET", "/v1/orders", params={"limit": 200})
        await carrier.call("POST", "/v1/orders/search", body)
    for path in ("/v1/platforms", "/v1/me", "/v1/endpoint"):
        await world.speakers["weibo"].call("GET", path)


async def come_to_an_end(world: World) -> None:
    """Cancel what is still open."""
    for name in ("china-mobile", "china-unicom"):
        carrier = world.speakers[name]
        for status in ("held", "in_progress"):
            listed = await carrier.call(
                "GET", "/v1/orders", params={"status": status, "limit": 200}
            )
            for order in listed["data"]:
                await carrier.ask("POST", f"/v1/orders/{order['id']}/cancel")


async def is_over(carrier: Speaker, order_id: str, kind: str = "orders") -> bool:
    order = await carrier.call("GET", f"/v1/{kind}/{order_id}")
    return order["status"] not in {"held", "in_progress"}


async def _summary(carrier: Speaker, order_id: str) -> object:
    return (await carrier.call("GET", f"/v1/orders/{order_id}"))["summary"]


async def _sealed_events(auditor: Speaker) -> list[dict[str, Any]]:
    events = await auditor.call("GET", "/v1/audit/events", params={"limit": 200})
    return [one for one in events["data"] if one["seal"] is not None]


def _was_asked(door: Any, order_id: str) -> bool:
    return order_id in door.item_ids


async def _pieces(text: str) -> AsyncIterator[bytes]:
    """Cut anywhere, in the middle of numbers too."""
    raw = text.encode()
    for start in range(0, len(raw), 23):
        yield raw[start : start + 23]
