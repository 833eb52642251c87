"""Let the kit try a platform of this process."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from tests.conformance.platform import Platform
from tests.support.ports import a_free_port
from unbind_broker.app.server import reserve, url_of
from unbind_broker.base.clock import SystemClock
from unbind_broker.conformance.plan import Plan, new_key, new_secret
from unbind_broker.conformance.running import Judged, Verdict, try_endpoint

USUAL: dict[str, Any] = {
    "max_batch": 12,
    "wait": timedelta(seconds=20),
    "within": timedelta(seconds=0.2),
    "pause": timedelta(seconds=0.02),
}


async def tried(
    fault: str = "",
    *,
    only: Collection[str] = (),
    platform: Mapping[str, Any] | None = None,
    times: int = 1,
    kind: type[Platform] = Platform,
    **declared: Any,
) -> list[Judged]:
    """Try it so many times, and give what came of the last one."""
    secret, key = new_secret(), new_key()
    port = a_free_port()
    with reserve("127.0.0.1", port) as listener:
        broker = url_of(listener)
        made = kind(secret.text, key, broker, fault, **(platform or {}))
        async with made.opened():
            usual = {**USUAL, "url": made.url, "secret": secret, "key": key}
            plan = Plan(**(usual | declared))
            judged = await try_endpoint(plan, listener, SystemClock().now, only)
            for _ in range(times - 1):
                with reserve("127.0.0.1", port) as again:
                    judged = await try_endpoint(plan, again, SystemClock().now, only)
    return judged


def by_verdict(judged: list[Judged], verdict: Verdict) -> set[str]:
    return {one.rule.id for one in judged if one.verdict is verdict}
