"""Platforms in a process of their own that report as fast as they are answered.

Every report is written before the first one is sent, so that this costs nothing while
time runs. One report at a time per connection.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

from benchmarks.processes import elsewhere, run_on
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.signing import sign_v1a, signature_headers
from unbind_broker.base.signing_keys import PrivateKey

_STATUS = b'"status":"'


@dataclass(frozen=True)
class Reporting:
    """What is reported: some outcome for each order, by each of these keys.

    ``signed_by`` holds the seed that reports are signed with, under ids that begin with
    ``name``. ``cores`` are where the process runs. Connections go to the ``urls`` in
    turn.
    """

    urls: tuple[tuple[str, int], ...]
    keys: tuple[str, ...]
    orders: tuple[UUID, ...]
    name: str
    outcome: str
    lines: int
    at_once: int
    signed_by: bytes | None = None
    cores: frozenset[int] = frozenset()


@dataclass
class Reported:
    """How the lines were answered, and how long each report took."""

    seconds: float = 0.0
    latency: list[float] = field(default_factory=list)
    lines: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)


def report_all(reporting: Reporting) -> Reported:
    """Send every report from another process."""
    (found,) = elsewhere(_run, [reporting])
    return found


def _run(reporting: Reporting) -> Reported:
    run_on(reporting.cores)
    return asyncio.run(_report(reporting))


async def _report(reporting: Reporting) -> Reported:
    requests = _requests(reporting)
    reported = Reported()
    waiting = iter(requests)
    started = monotonic()

    async def reporter(place: int) -> None:
        host, port = reporting.urls[place % len(reporting.urls)]
        reader, writer = await asyncio.open_connection(host, port, limit=2**24)
        for request in waiting:
            sent = monotonic()
            writer.write(request)
            status, answer = await _answer(reader)
            reported.latency.append(monotonic() - sent)
            _count(reported, status, answer)
        writer.close()

    await asyncio.gather(*(reporter(place) for place in range(reporting.at_once)))
    reported.seconds = monotonic() - started
    return reported


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
    return int(head[9:12]), await reader.readexactly(int(length))


def _count(reported: Reported, status: int, answer: bytes) -> None:
    if status != 200:  # noqa: PLR2004 - of HTTP
        reported.refused[status] += 1
        return
    found = (part.partition(b'"')[0] for part in answer.split(_STATUS)[1:])
    reported.lines.update(word.decode() for word in found)


def _requests(reporting: Reporting) -> list[bytes]:
    """Write the reports so that those sent together are about the same orders."""
    ids = [format_id(Prefix.ORDER, order) for order in reporting.orders]
    said = _said(reporting.outcome)
    bodies = [
        json.dumps({"results": [{"id": one, **said} for one in some]}).encode()
        for some in _parts(ids, reporting.lines)
    ]
    return [
        _request(reporting, key, f"{place}-{part}", body)
        for part, body in enumerate(bodies)
        for place, key in enumerate(reporting.keys)
    ]


def _said(outcome: str) -> dict[str, object]:
    told: dict[str, dict[str, object]] = {
        "unbound": {
            "removed": 1,
            "last_bound_at": "2023-06-01T09:30:00Z",
            "restorable_until": "2026-12-21T00:00:00Z",
        },
        "action_required": {
            "action": "confirm_in_app",
            "expected_at": "2026-12-21T00:00:00Z",
        },
    }
    return {"outcome": outcome, **told.get(outcome, {})}


def _parts(ids: Sequence[str], size: int) -> list[Sequence[str]]:
    return [ids[first : first + size] for first in range(0, len(ids), size)]


def _request(reporting: Reporting, key: str, name: str, body: bytes) -> bytes:
    headers = {
        "host": "broker",
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    if reporting.signed_by is not None:
        now = datetime.now(UTC)
        webhook_id = f"{reporting.name}-{name}"
        signature = sign_v1a(PrivateKey(reporting.signed_by), webhook_id, now, body)
        headers |= signature_headers(webhook_id, now, signature)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /v1/results HTTP/1.1\r\n{head}\r\n".encode() + body
