"""The page about monitoring says what is told, in both languages."""

from pathlib import Path

import pytest

from unbind_broker.metrics.names import METRICS, MOST_SERIES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["monitoring.md", "monitoring.zh-CN.md"])
def test_every_metric_is_on_the_page_with_its_labels(name: str) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    told = {
        line.split("|")[1].strip().strip("`"): line.split("|")[2].strip()
        for line in page.splitlines()
        if line.startswith("| `unbind_")
    }
    wanted = {
        metric.name: ", ".join(f"`{label}`" for label in metric.labels)
        for metric in METRICS.values()
    }
    assert told == wanted
    words = {
        line.split("|")[1].strip().strip("`"): line.split("|")[3].strip()
        for line in page.splitlines()
        if line.startswith("| `unbind_")
    }
    assert all(words.values())
    if "zh" not in name:
        said = {metric.name: metric.words for metric in METRICS.values()}
        assert {name: f"{one}." for name, one in words.items()} == said
    assert "15,000" in page
    assert MOST_SERIES < 15_000
