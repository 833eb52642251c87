"""What a route needs of its process."""

from typing import Annotated

from fastapi import Depends, Request

from unbind_broker.api.admission import AdaptiveAdmission, Admission, SharedAdmission
from unbind_broker.api.connections import Connections
from unbind_broker.api.door import Door
from unbind_broker.api.failed_keys import FailedKeys
from unbind_broker.api.key_lookups import KeyLookups
from unbind_broker.api.probe_places import ProbePlaces
from unbind_broker.api.public_figures import PublicFigures
from unbind_broker.api.rates import Rates
from unbind_broker.api.readiness import Readiness
from unbind_broker.api.tallies import ApiTallies
from unbind_broker.api.waiting import Completions
from unbind_broker.api.watching import Watching
from unbind_broker.base.ids import new_fraction
from unbind_broker.runtime.opening import Runtime

MOST_FEEDS = 4
MOST_FEEDS_OF_ONE = 2
"""Uploads that one process takes at a time, of all and of one carrier: each lasts for
minutes, and one that drips for an hour must not keep the others out."""
MOST_DOWNLOADS = 4
MOST_DOWNLOADS_OF_ONE = 2
"""The same for results of clearances that are being read: no upload keeps those out."""
MOST_REDELIVERIES = 4
MOST_REDELIVERIES_OF_ONE = 1
"""Calls for what was sent long ago that one process serves at a time, of all and of one
owner: each reads and writes for seconds, and may come a hundred times a second."""


class Context:
    """The process as routes see it: its runtime, its limits."""

    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings
        self.runtime = runtime
        self.settings = settings
        self.engine = Connections(
            runtime.engine,
            runtime.readers or runtime.engine,
            max(1, settings.database_read_pool * 3 // 4),
        )
        self.readiness = Readiness(runtime.probes or runtime.engine)
        self.clock = runtime.clock
        self.keys = KeyLookups(runtime.lookups or self.engine.readers, runtime.clock)
        self.failed_keys = FailedKeys(
            settings.failed_keys_rate, settings.failed_keys_burst, self.keys.living
        )
        self.admission = Admission(settings.max_in_flight)
        self.feeds = SharedAdmission(MOST_FEEDS, MOST_FEEDS_OF_ONE)
        self.downloads = SharedAdmission(MOST_DOWNLOADS, MOST_DOWNLOADS_OF_ONE)
        self.redeliveries = SharedAdmission(MOST_REDELIVERIES, MOST_REDELIVERIES_OF_ONE)
        self.rates = Rates(
            settings.carrier_rate / settings.serve_processes,
            max(1, settings.carrier_burst // settings.serve_processes),
            new_fraction,
        )
        self.orders = AdaptiveAdmission(
            settings.max_in_flight,
            settings.accept_target.total_seconds(),
            new_fraction,
        )
        self.tallies = ApiTallies()
        self.door = Door(self.rates, self.orders, self.tallies)
        self.probe_places = ProbePlaces()
        self.public_figures = PublicFigures(self.engine, runtime.clock, settings.zone)
        self.completions = Completions(self.engine.readers, settings.waiters)
        most = (settings.watchers, settings.carrier_watchers)
        self.watching = Watching(self.engine.readers, runtime.clock, most)

    def let_go(self) -> None:
        """Answer whoever waits or watches, now and from now on: the process ends."""
        self.completions.let_go()
        self.watching.let_go()


async def context_of(request: Request) -> Context:
    """Return the context that the application was made with.

    A coroutine, because anything else would be sent through a thread at every call.
    """
    context = request.app.state.context
    assert isinstance(context, Context)  # noqa: S101 - set by app.factory, narrows Any
    return context


Ctx = Annotated[Context, Depends(context_of)]
