"""Values on their way to Prometheus, by the name of their metric."""

from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from unbind_broker.base.spread import Spread
from unbind_broker.metrics.metric import Kind
from unbind_broker.metrics.names import METRICS

Value = float | Spread
Samples = Mapping[tuple[str, ...], Value]
"""By the values of the labels."""

Told = Mapping[str, Samples]


def one(value: float) -> Samples:
    """Give the value of a metric without labels."""
    return {(): value}


def families(told: Iterable[tuple[str, Samples]]) -> list[Metric]:
    """Give what the library writes. What has no samples is told by its name alone."""
    return [_family(name, samples) for name, samples in told]


def _family(name: str, samples: Samples) -> Metric:
    metric = METRICS[name]
    told = (metric.name, metric.words)
    match metric.kind:
        case Kind.COUNTER:
            counters = CounterMetricFamily(*told, labels=metric.labels)
            for labels, value in samples.items():
                counters.add_metric(labels, _plain(value))
            return counters
        case Kind.GAUGE:
            gauges = GaugeMetricFamily(*told, labels=metric.labels)
            for labels, value in samples.items():
                gauges.add_metric(labels, _plain(value))
            return gauges
        case Kind.HISTOGRAM:
            spreads = HistogramMetricFamily(*told, labels=metric.labels)
            for labels, value in samples.items():
                if isinstance(value, Spread):
                    spreads.add_metric(labels, _classes(value), value.total)
            return spreads


def _plain(value: Value) -> float:
    if isinstance(value, Spread):
        raise TypeError("only a histogram tells a spread")
    return value


def _classes(spread: Spread) -> list[tuple[str, float]]:
    bounds = [*map(floatToGoString, spread.bounds), "+Inf"]
    return list(zip(bounds, accumulate(spread.counts), strict=True))
