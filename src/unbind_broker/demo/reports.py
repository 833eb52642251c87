"""Report results to the broker in batches, until it has taken them."""

import asyncio
import logging
from collections import Counter, defaultdict

import httpx

from unbind_broker.client.http_client import HttpClient
from unbind_broker.rehearsals.telling import Line

log = logging.getLogger(__name__)

GATHER = 0.05
LARGEST_BATCH = 500
MOST_TRIES = 12
LONGEST_PAUSE = 5.0


class Reporter:
    """Post every line by ``POST /v1/results`` with the key of its platform.

    A line that the broker does not know is sent again a few times: a platform may be
    quicker with its result than the broker with noting down that it was asked.
    """

    def __init__(self, broker_url: str) -> None:
        self.answers: Counter[str] = Counter()
        self._http = HttpClient(
            base_url=broker_url,
            timeout=httpx.Timeout(30, pool=None),
            limits=httpx.Limits(max_connections=16),
            trust_env=False,
        )
        self._waiting: defaultdict[str, list[tuple[Line, int]]] = defaultdict(list)
        self._posting: dict[str, asyncio.Task[None]] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def report(self, key: str, line: Line, after: float = 0.0, tries: int = 0) -> None:
        """Send ``line`` in ``after`` seconds, together with others of that moment."""

        def due() -> None:
            self._timers.discard(timer)
            self._waiting[key].append((line, tries))
            if key not in self._posting:
                self._posting[key] = asyncio.create_task(self._post_all(key))

        timer = asyncio.get_running_loop().call_later(after, due)
        self._timers.add(timer)

    async def close(self) -> None:
        """Forget what is still to be reported."""
        for timer in self._timers:
            timer.cancel()
        posting = list(self._posting.values())
        for task in posting:
            task.cancel()
        await asyncio.gather(*posting, return_exceptions=True)
        await self._http.aclose()

    async def _post_all(self, key: str) -> None:
        try:
            await asyncio.sleep(GATHER)
            while batch := self._take(key):
                await self._post(key, batch)
        finally:
            del self._posting[key]

    def _take(self, key: str) -> list[tuple[Line, int]]:
        """Take lines about different items: two about one item go one after another."""
        taken: dict[object, tuple[Line, int]] = {}
        left: list[tuple[Line, int]] = []
        for line, tries in self._waiting.pop(key, []):
            if line["id"] in taken or len(taken) == LARGEST_BATCH:
                left.append((line, tries))
            else:
                taken[line["id"]] = (line, tries)
        if left:
            self._waiting[key] = left
        return list(taken.values())

    async def _post(self, key: str, batch: list[tuple[Line, int]]) -> None:
        for tries in range(MOST_TRIES):
            try:
                answer = await self._http.post(
                    "/v1/results",
                    json={"results": [line for line, _ in batch]},
                    headers={"Authorization": f"Bearer {key}"},
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == httpx.codes.OK:
                self._note(key, batch, answer.json()["results"])
                return
            if answer is not None and not _may_pass(answer):
                log.error("report_refused", extra={"status": answer.status_code})
                self.answers["not taken"] += len(batch)
                return
            await asyncio.sleep(_pause(tries))
        self.answers["not taken"] += len(batch)

    def _note(
        self, key: str, batch: list[tuple[Line, int]], answers: list[Line]
    ) -> None:
        for (line, tries), answer in zip(batch, answers, strict=True):
            status = str(answer["status"])
            if status == "unknown" and tries < MOST_TRIES:
                self.report(key, line, _pause(tries), tries + 1)
            else:
                self.answers[status] += 1


def _may_pass(answer: httpx.Response) -> bool:
    return answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS


def _pause(tries: int) -> float:
    return min(LONGEST_PAUSE, 0.2 * 2.0**tries)
