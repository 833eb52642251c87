"""Which metrics the files beside the broker name, with which labels."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "unbind-broker.json"

_NAME = re.compile(r"\b(unbind_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_GROUPS = re.compile(r"\b(?:by|on|without|ignoring) \(([^)]*)\)")


class Named(NamedTuple):
    """A metric in an expression; ``wanted`` are the values that a label must have."""

    name: str
    labels: frozenset[str]
    wanted: tuple[tuple[str, tuple[str, ...]], ...]


def alerts() -> dict[str, dict[str, str]]:
    """Read the alerts: a flat file, of which each line is ``name: 'value'``."""
    found: dict[str, dict[str, str]] = {}
    for line in ALERTS.read_text().splitlines():
        name, _, value = line.strip().removeprefix("- ").partition(": ")
        if name == "alert":
            found[value] = {}
        elif found and value:
            told = value[1:-1].replace("''", "'") if value[0] == "'" else value
            next(reversed(found.values()))[name] = told
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> Iterator[str]:
    for alert in alerts().values():
        yield alert["expr"]
    for panel in panels():
        for target in panel.get("targets", ()):
            yield target["expr"]


def named_in(expression: str) -> list[Named]:
    return [
        Named(
            name,
            frozenset(label for label, _, _ in _MATCHER.findall(inside)),
            tuple(
                (label, tuple(value.split("|")))
                for label, how, value in _MATCHER.findall(inside)
                if how in {"=", "=~"}
            ),
        )
        for name, inside in _NAME.findall(expression)
    ]


def grouped_by(expression: str) -> set[str]:
    inside = _GROUPS.findall(expression)
    return {label.strip() for one in inside for label in one.split(",") if label}
