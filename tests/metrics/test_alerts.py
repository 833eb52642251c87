"""Alerts and dashboard name what there is, and say why and what to do first."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.metrics.told import (
    ALERTS,
    DEPLOY,
    alerts,
    expressions,
    grouped_by,
    named_in,
    panels,
)
from unbind_broker.metrics.metric import Kind
from unbind_broker.metrics.names import METRICS

OF_PROMETHEUS = {"instance", "job", "le"}
FIRE = Path(__file__).with_name("alerts_fire.yml")
SAID = ("summary", "description", "reason", "first_step")


def base_name(name: str) -> str:
    """The metric that a histogram's series belong to."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    metric = METRICS.get(base)
    return base if metric and metric.kind is Kind.HISTOGRAM else name


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_expression_names_metrics_and_labels_that_there_are(expression: str) -> None:
    labels = set(OF_PROMETHEUS)
    for named in named_in(expression):
        metric = METRICS[base_name(named.name)]
        assert named.labels <= {*metric.labels, *OF_PROMETHEUS}
        labels |= set(metric.labels)
    assert grouped_by(expression) <= labels


@pytest.mark.parametrize("name", alerts())
def test_alert_says_why_and_what_to_do_first(name: str) -> None:
    alert = alerts()[name]
    assert alert["severity"] in {"page", "ticket"}
    for word in SAID:
        assert alert[word][0].isupper() or alert[word].startswith("{{")
        assert re.search(r"[\u4e00-\u9fff]", alert[f"{word}_zh"])
        assert not re.search(r"[\u4e00-\u9fff]", alert[word])
    anchor = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
    assert alert["runbook"] == f"docs/runbook.md#{anchor}"
    for group in re.findall(r"\$labels\.(\w+)", alert["summary"]):
        assert group in grouped_by(alert["expr"]) | OF_PROMETHEUS


def test_counters_are_only_looked_at_as_they_rise() -> None:
    for expression in expressions():
        for named in named_in(expression):
            rises = METRICS[base_name(named.name)].kind is not Kind.GAUGE
            where = re.escape(named.name)
            seen = re.search(rf"(rate|increase)\({where}\b", expression)
            assert bool(seen) == rises, expression


def test_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        squares = {
            (place["x"] + across, place["y"] + down)
            for across in range(place["w"])
            for down in range(place["h"])
        }
        assert not squares & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= squares
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_every_metric_is_named_by_the_rules() -> None:
    for name, metric in METRICS.items():
        assert re.fullmatch(r"unbind_[a-z_]+", name)
        assert name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.words.endswith(".")
        if metric.kind is Kind.HISTOGRAM:
            assert name.endswith("_seconds")


def test_every_alert_is_tried() -> None:
    tried = re.findall(r'labels: .{alertname="(\w+)"', FIRE.read_text())
    assert set(tried) == set(alerts())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_prometheus_takes_its_files_and_fires_when_it_should() -> None:
    config = DEPLOY / "prometheus" / "prometheus.yml"
    for asked in (
        ("check", "config", config),
        ("check", "rules", ALERTS),
        ("test", "rules", FIRE),
    ):
        done = subprocess.run(
            ["promtool", *map(str, asked)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
