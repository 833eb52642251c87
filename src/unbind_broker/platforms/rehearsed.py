"""The made-up platforms for which the broker answers in rehearsals."""

from dataclasses import asdict
from datetime import datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.fetching import begin_fetching
from unbind_broker.platforms import store
from unbind_broker.platforms.profile import Profile, check_profile
from unbind_broker.platforms.service import Platform
from unbind_broker.platforms.tables import PlatformStatus, World

_UNDOES = ("detach", "restore")
_CLOSES = ("detach", "close_account", "restore")


def _made_up(
    name_zh: str,
    name_en: str,
    category: str,
    capabilities: tuple[str, ...] = _UNDOES,
    *,
    sensitive: bool = False,
) -> Profile:
    return Profile(
        name_zh=f"虚构{name_zh}（测试）",
        name_en=f"Made-up {name_en} (sandbox)",
        category=category,
        sensitive=sensitive,
        capabilities=capabilities,
    )


REHEARSED = {
    "sandbox-chat": _made_up("聊天", "chat", "messaging"),
    "sandbox-dating": _made_up("交友", "dating", "dating", sensitive=True),
    "sandbox-games": _made_up("游戏", "games", "gaming", _CLOSES),
    "sandbox-mail": _made_up("邮箱", "mail", "office"),
    "sandbox-shop": _made_up("商城", "shop", "shopping", _CLOSES),
    "sandbox-travel": _made_up("出行", "travel", "travel"),
    "sandbox-video": _made_up("视频", "video", "video"),
    "sandbox-wallet": _made_up("钱包", "wallet", "payment"),
}
"""By slug, in their order. No real service is meant."""


def refuse_made_up(platform: Platform) -> None:
    """Raise ``InvalidFields`` where nobody but the broker speaks for a platform."""
    if platform.world is World.REHEARSED:
        wrong = "this platform is made up: the broker itself answers for it"
        raise InvalidFields.at("/platform", wrong)


async def ensure_rehearsed(db: Db, now: datetime, actor: str) -> None:
    """Register those that are not there yet, ready to be asked.

    Two that do so at once register each of them once: whoever comes second waits for
    the other's transaction. A slug that somebody registered before stays theirs.
    """
    rows = [
        {
            "slug": slug,
            **asdict(check_profile(profile)),
            "status": PlatformStatus.ACTIVE,
            "world": World.REHEARSED,
            "created_at": now,
            "changed_at": now,
        }
        for slug, profile in REHEARSED.items()
    ]
    added = await store.insert_new(db, rows)
    for row in added:
        await begin_fetching(db, now, Owner(row["slug"], platform_id=row["id"]))
    if added:
        facts = {"slugs": [row["slug"] for row in added]}
        await record(db, now, Fact(actor, "platforms.made_up", facts=facts))
