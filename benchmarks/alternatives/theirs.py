"""The side of an alternative: its own tables or queue, one message per delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_bytes

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook

from benchmarks.alternatives.competitors import Competitor
from benchmarks.alternatives.job import TABLE, Job
from benchmarks.alternatives.trial import Trial, run_to_its_end
from unbind_broker.base.signing_keys import Secret

_RECORDED = text("SELECT count(*) FROM sent")


@dataclass(frozen=True)
class Doors:
    """Where is posted to, and with which secrets."""

    urls: Sequence[str]
    secrets: Sequence[str]

    def signers(self) -> Mapping[str, Webhook]:
        """Give who checks signatures, by path."""
        pairs = zip(self.urls, self.secrets, strict=True)
        return {"/" + url.split("/", 3)[3]: Webhook(secret) for url, secret in pairs}


def some_doors(url: str, platforms: int) -> Doors:
    """Name the receivers of as many platforms, with new secrets."""
    urls = [f"{url}/p/{place}" for place in range(platforms)]
    return Doors(urls, [Secret(token_bytes(24)).text for _ in urls])


async def their_trial(
    engine: AsyncEngine, competitor: Competitor, job: Job, processes: int
) -> Trial:
    """Queue every delivery of ``job`` in an empty database, and an empty Redis."""
    async with engine.begin() as db:
        await db.execute(text(TABLE))
    await run_to_its_end(competitor.filling, job.environment())

    async def recorded() -> int:
        async with engine.connect() as db:
            return int((await db.execute(_RECORDED)).scalar_one())

    return Trial(
        commands=competitor.commands(job.at_once, processes),
        environment=job.environment(),
        expected=job.orders * len(job.urls),
        recorded=recorded,
    )
