"""Who is signed in: a sealed cookie that any process of the installation reads."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from unbind_broker.base.ids import KeyId, new_token
from unbind_broker.base.sealing import SealBroken, Sealer

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)
RENEWED_AFTER = timedelta(minutes=1)

_PURPOSE = b"unbind-broker/console/1"
_SESSION = b"session"
_TOKEN_BYTES = 24


@dataclass(frozen=True)
class Session:
    """A login: the id of the key, never the key; ``token`` stands in every form.

    ``is_secure`` says that its cookie leaves the browser by HTTPS alone.
    """

    key_id: KeyId
    began_at: datetime
    seen_at: datetime
    token: str
    is_secure: bool

    @property
    def ends_at(self) -> datetime:
        """Tell when it ends unless somebody comes."""
        return min(self.seen_at + IDLE, self.lasts_until)

    @property
    def lasts_until(self) -> datetime:
        """Tell when it ends, whoever comes."""
        return self.began_at + LONGEST

    def is_due(self, now: datetime) -> bool:
        """Tell whether its cookie is to be renewed."""
        return now - self.seen_at >= RENEWED_AFTER

    def seen(self, now: datetime) -> "Session":
        """Go on until it idles from now."""
        return replace(self, seen_at=now)


class Sessions:
    """Write logins into cookies, and read them."""

    def __init__(self, sealer: Sealer) -> None:
        self.sealer = sealer.apart(_PURPOSE)

    def begin(self, key_id: KeyId, now: datetime, *, is_secure: bool) -> Session:
        """Begin a login."""
        whole = now.replace(microsecond=0)
        return Session(key_id, whole, whole, new_token(_TOKEN_BYTES), is_secure)

    def write(self, session: Session) -> str:
        """Write a login for a cookie."""
        fields = {
            "key": session.key_id,
            "began": int(session.began_at.timestamp()),
            "seen": int(session.seen_at.timestamp()),
            "token": session.token,
            "secure": session.is_secure,
        }
        return seal(self.sealer, fields, _SESSION)

    def read(self, cookie: str, now: datetime) -> Session | None:
        """Read a login; None if it has ended or nobody here wrote it."""
        fields = unseal(self.sealer, cookie, _SESSION)
        if fields is None:
            return None
        session = Session(
            KeyId(int(str(fields["key"]))),
            datetime.fromtimestamp(int(str(fields["began"])), UTC),
            datetime.fromtimestamp(int(str(fields["seen"])), UTC),
            str(fields["token"]),
            fields.get("secure") is True,
        )
        return session if now < session.ends_at else None


def seal(sealer: Sealer, fields: dict[str, object], context: bytes) -> str:
    """Write fields that only this installation reads, and only for this context."""
    plain = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    return urlsafe_b64encode(sealer.seal(plain, context=context)).decode("ascii")


def unseal(sealer: Sealer, text: str, context: bytes) -> dict[str, object] | None:
    """Read them; None for whatever was not written here for this context."""
    try:
        plain = sealer.open(urlsafe_b64decode(text.encode("ascii")), context=context)
    except (SealBroken, ValueError):
        return None
    fields: dict[str, object] = json.loads(plain)
    return fields
