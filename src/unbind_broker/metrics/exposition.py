"""Write everything that one process tells, in the form that the scraper wants."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from importlib.metadata import version

from prometheus_client import ProcessCollector
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from typing_extensions import override

from unbind_broker.api.context import Context
from unbind_broker.base.pulse import Pulse
from unbind_broker.metrics.figures import Figures
from unbind_broker.metrics.of_api import tell_api, tell_pools
from unbind_broker.metrics.of_worker import AtWork, tell_pulse, tell_worker
from unbind_broker.metrics.samples import Samples, Told, Value, families
from unbind_broker.runtime.opening import Runtime


class Exposition:
    """All that a process tells Prometheus: an API's part, a worker's, or both."""

    def __init__(self, runtime: Runtime) -> None:
        self._figures = Figures(
            runtime.figures or runtime.readers or runtime.engine,
            runtime.clock.now,
            runtime.settings.zone,
        )
        release = version("unbind-broker")
        # Never the library's own registry, which is the same for all of a process.
        self._process = ProcessCollector(registry=CollectorRegistry())
        self._parts: list[Callable[[], Told]] = [
            lambda: {"unbind_build_info": {(release,): 1}},
            lambda: tell_pools(runtime),
            self._figures.tell,
        ]

    def show_api(self, context: Context) -> None:
        """Tell of the API, too."""
        self._parts.append(lambda: tell_api(context))

    def show_worker(self, at_work: AtWork) -> None:
        """Tell of the worker, too."""
        self._parts.append(lambda: tell_worker(at_work))

    def show_pulse(self, pulse_of: Callable[[], Pulse]) -> None:
        """Tell of the worker's loops, too."""
        self._parts.append(lambda: tell_pulse(pulse_of()))

    async def write(self, accept: str) -> tuple[bytes, str]:
        """Write it; return it with its media type, which ``accept`` chooses."""
        await self._figures.refresh()
        gathered = _Gathered([*self._process.collect(), *families(self._samples())])
        encode, media_type = choose_encoder(accept)
        # Thousands of lines: calls must not wait for them.
        return await asyncio.to_thread(encode, gathered), media_type

    def _samples(self) -> Iterable[tuple[str, Samples]]:
        """Put together what several parts tell of one metric."""
        told: defaultdict[str, dict[tuple[str, ...], Value]] = defaultdict(dict)
        for part in self._parts:
            for name, samples in part().items():
                told[name].update(samples)
        return told.items()


class _Gathered(Collector):
    """What was told at one moment: counting goes on while it is written."""

    def __init__(self, gathered: list[Metric]) -> None:
        self._gathered = gathered

    @override
    def collect(self) -> Iterable[Metric]:
        return self._gathered
