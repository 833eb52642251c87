"""Requests with a number everywhere that one could put it by mistake."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

Request = tuple[str, str, dict[str, Any]]
"""Method, path, and what else goes with it."""
JSON = {"Content-Type": "application/json"}


def written(number: str) -> list[str]:
    """Write a number in the ways in which people do."""
    plain = number.removeprefix("+86")
    grouped = (plain[:3], plain[3:7], plain[7:])
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in plain)
    return [
        number,
        number.removeprefix("+"),
        plain,
        *(f"+86 {between.join(grouped)}" for between in " -."),
        wide,
    ]


def by_carriers(number: str, body: dict[str, Any]) -> Iterator[Request]:
    """Give what carriers may send; ``body`` is a request that would be taken."""
    plain = number.removeprefix("+86")
    for one in written(number):
        yield "GET", f"/v1/orders/{quote(one)}", {}
        yield "POST", "/v1/orders", {"json": {**body, "reference": one}}
        yield "POST", "/v1/orders", {"json": {**body, "platforms": [one, one]}}
        yield "POST", "/v1/queries", {"json": {**body, "platforms": ["weibo", one]}}
        yield "POST", "/v1/orders", {"json": {**body, one: 1}}
        yield "GET", "/v1/orders", {"params": {"reference": one}}
    for name in ("owner_since", "scope", "ported_in_on", "attestation", "query_id"):
        yield "POST", "/v1/orders", {"json": {**body, name: number}}
    for consent in ({"method": plain, "at": number}, {number: 1}, [number], plain):
        yield "POST", "/v1/orders", {"json": {**body, "consent": consent}}
    for wrong in (f"{number}9", int(plain), [number], {number: number}):
        yield "POST", "/v1/queries", {"json": {**body, "number": wrong}}
        yield "POST", "/v1/orders/search", {"json": {"number": wrong}}
    for content in (f'{{"number": "{number}"', f'["{number}"]', f'"{number}"', plain):
        yield "POST", "/v1/orders", {"content": content, "headers": JSON}
    yield "POST", "/v1/orders", {"content": number, "headers": {"Content-Type": plain}}
    yield "POST", "/v1/holdings", {"json": {"holdings": [{"number": plain, number: 1}]}}
    csv = {"Content-Type": "text/csv"}
    yield "POST", "/v1/holdings", {"content": f"{number},event,on\n", "headers": csv}
    for name in ("cursor", "status", "limit", "created_after", plain):
        yield "GET", "/v1/orders", {"params": {name: plain}}
    for path in ("queries", "orders", "platforms", plain):
        yield "DELETE", f"/v1/{path}/{plain}", {}
    yield "GET", f"/v1/queries/{number}/receipt", {"params": {"version": plain}}
    yield "POST", f"/v1/orders/{number}/cancel", {"json": {number: number}}
    yield "POST", f"/v1/orders/{number}/restore", {"json": {"reason": number}}
    yield "GET", "/v1/events", {"params": {"after": plain}}
    yield "GET", f"/problems/{plain}", {}
    yield "GET", f"/{plain}?{plain}={plain}", {}


def with_headers(number: str) -> Iterator[Request]:
    """Give requests that would be taken but for their headers, or are."""
    plain = number.removeprefix("+86")
    for name in ("X-Request-Id", "User-Agent", "Prefer", "Accept", "Cookie", "Referer"):
        for one in (number, plain, f"wait={plain}", f"138.0000.{plain[7:]}"):
            yield "GET", "/v1/me", {"headers": {name: one}}
    trace = f"00-{plain:0>32}-{plain:0>16}-01"
    yield "GET", "/v1/me", {"headers": {"traceparent": trace, "tracestate": plain}}
    for key in (plain, f"Bearer {plain}", f"Bearer ub_carrier_{plain:x>43}"):
        yield "GET", "/v1/me", {"headers": {"Authorization": key}}


def by_platforms(number: str) -> Iterator[Request]:
    """Give what platforms may send."""
    plain = number.removeprefix("+86")
    for one in written(number):
        line = {"id": one, "outcome": "not_bound", "detail": one}
        yield "POST", "/v1/results", {"json": {"results": [line]}}
        yield "POST", "/v1/results", {"json": {"results": [{**line, one: one}]}}
        yield "POST", "/v1/results", {"json": {"results": [one, {"id": 1}], one: one}}
    for results in (plain, {plain: plain}, [int(plain)], [[plain]]):
        yield "POST", "/v1/results", {"json": {"results": results}}
    yield "POST", "/v1/results", {"content": f'{{"results": [{plain}', "headers": JSON}
    for name in ("url", "delivery", "result_public_key", "event_types", plain):
        yield "PUT", "/v1/endpoint", {"json": {"max_batch": 1, name: plain}}
    yield "GET", "/v1/items", {"params": {"status": plain, "limit": plain}}
    yield "POST", "/v1/endpoint/rotate-secret", {"json": {"grace_seconds": plain}}


def by_administrators(number: str) -> Iterator[Request]:
    """Give what administrators may send."""
    plain = number.removeprefix("+86")
    admin = "/v1/admin"
    for slug in (plain, f"86{plain}", f"138-0000-{plain[7:]}", f"shop-{plain}"):
        yield "POST", f"{admin}/carriers", {"json": {"slug": slug}}
        yield "POST", f"{admin}/platforms", {"json": {"slug": slug}}
        yield "GET", f"{admin}/carriers/{slug}", {}
        yield "POST", f"{admin}/platforms/{slug}/suspend", {}
        yield "GET", f"/.well-known/carriers/{slug}/jwks.json", {}
        for holder in ("carrier", "platform"):
            named = {"role": holder, holder: slug}
            yield "POST", f"{admin}/keys", {"json": named}
        yield "POST", f"{admin}/brake", {"json": {"carrier": slug, "reason": slug}}
        yield "GET", f"{admin}/violations", {"params": {"carrier": slug}}
        yield "GET", "/v1/audit/events", {"params": {"actor": f"carrier:{slug}"}}
    for one in written(number):
        yield "POST", f"{admin}/carriers", {"json": {"slug": "shop", "name_zh": one}}
        yield "PATCH", f"{admin}/carriers/china-mobile", {"json": {"name_en": one}}
        yield "POST", f"{admin}/keys", {"json": {"role": "auditor", "name": one}}
        for search in ("holdings/search", "numbers/export"):
            yield "POST", f"{admin}/{search}", {"json": {"number": f"{one}x"}}
    for name in ("category", "domains", "capabilities", "cancel_url"):
        value = [f"{plain}.com"] if name == "domains" else plain
        yield "PATCH", f"{admin}/platforms/weibo", {"json": {name: value}}
    yield "DELETE", f"{admin}/keys/{plain}", {}
    yield "GET", "/v1/audit/events", {"params": {"order": plain, "action": plain}}
    for path in (f"orders/{plain}/evidence", f"seals/{plain}", f"events/{plain}/proof"):
        yield "GET", f"/v1/audit/{path}", {}


EVERYBODY: dict[str, Callable[[str], Iterator[Request]]] = {
    "weibo": by_platforms,
    "admin": by_administrators,
}
