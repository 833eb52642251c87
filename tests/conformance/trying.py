"""Let the kit try a platform of this process."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from tests.conformance.platform import Platform
from unbind_broker.app.server import reserve, url_of
from unbind_broker.base.clock import SystemClock
from unbind_broker.conformance.plan import Plan, new_key, new_secret
from unbind_broker.conformance.running import Judged, Verdict, try_endpoint


async def tried(
    fault: str = "",
    *,
    only: Collection[str] = (),
    platform: Mapping[str, Any] | None = None,
    **declared: Any,
) -> list[Judged]:
    secret, key = new_secret(), new_key()
    with reserve("127.0.0.1", 0) as listener:
        made = Platform(secret.text, key, url_of(listener), fault, **(platform or {}))
        async with made.opened():
            usual: dict[str, Any] = {
                "max_batch": 12,
                "wait": timedelta(seconds=20),
                "within": timedelta(seconds=0.2),
                "pause": timedelta(seconds=0.02),
            }
            usual["url"] = made.url
            plan = Plan(secret=secret, key=key, **(usual | declared))
            return await try_endpoint(plan, listener, SystemClock().now, only)


def by_verdict(judged: list[Judged], verdict: Verdict) -> set[str]:
    return {one.rule.id for one in judged if one.verdict is verdict}
