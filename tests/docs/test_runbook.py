"""The runbook names what there is: alerts, commands, routes, metrics, settings."""

import json
import re
import shlex
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from tests.metrics.told import alerts
from unbind_broker.cli.main import app
from unbind_broker.console.routes import ROUTERS
from unbind_broker.metrics.names import METRICS
from unbind_broker.settings import Settings

ROOT = Path(__file__).parents[2]
OF_COMPOSE = "site"
PAGES = ("runbook.md", "runbook.zh-CN.md")
OPERATIONS = ("operations.md", "operations.zh-CN.md")
DEEDS = {
    r"admin/brake": "/console/brake",
    r"admin/violations": "/console/violations",
    r"admin/clearances": "/console/clearances",
    r"holdings/retract": "/console/holdings",
    r"items/requeue": "/console/undeliverable",
    r"carriers suspend": "/console/carriers",
    r"platforms suspend": "/console/platforms/{slug}",
    r"endpoints/[a-z-]+/(pause|resume)\"": "/console/platforms/{slug}",
}
"""What is done by which commands, and on which page of the console."""
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def text_of(page: str) -> str:
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


def commands_of(page: str) -> list[str]:
    blocks = BLOCK.findall(text_of(page))
    return [line.strip() for block in blocks for line in block.splitlines()]


def anchors_of(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in titles}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@cache
def routes_of_the_api() -> set[tuple[str, str]]:
    paths = json.loads((ROOT / "openapi" / "openapi.json").read_text())["paths"]
    return {
        (method.upper(), path) for path, methods in paths.items() for method in methods
    }


def matches(template: str, path: str) -> bool:
    """Whether a path is this route's; ``{slug}`` stands for itself, too."""
    pattern = re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template))
    return re.fullmatch(pattern, path) is not None


@pytest.mark.parametrize("page", PAGES)
def test_every_alert_has_its_section(page: str) -> None:
    titles = set(re.findall(r"^### (unbind-[a-z-]+)$", text_of(page), re.MULTILINE))
    wanted = {alert["runbook"].partition("#")[2] for alert in alerts().values()}
    assert titles == wanted


@pytest.mark.parametrize("page", [*PAGES, *OPERATIONS])
def test_every_command_of_ours_is_taken_with_its_options(page: str) -> None:
    found = [
        one
        for line in [*commands_of(page), *named_by(page)]
        for one in re.findall(r"unbind-broker ([^>)&\n]+)", line)
    ]
    assert len(found) > 5
    for one in found:
        with suppress(typer.Exit):  # --version tells it, and is done
            parsed(shlex.split(one.rstrip('" ')))


def parsed(words: list[str]) -> None:
    """Have the command line parse this, and nothing done."""
    group: Any = typer.main.get_command(app)
    group.no_args_is_help = False
    with group.make_context("unbind-broker", list(words)) as context:
        name, command, rest = group.resolve_command(context, list(words))
        while hasattr(command, "commands"):
            name, command, rest = command.resolve_command(context, rest)
        command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("words", [["keys", "revoek", "7"], ["audit", "seals", "--no"]])
def test_a_command_that_does_not_exist_would_be_noticed(words: list[str]) -> None:
    with pytest.raises(Exception, match=words[-1 if "--" in words[-1] else 1]):
        parsed(words)


@pytest.mark.parametrize("page", PAGES)
def test_every_call_is_a_route_with_this_method(page: str) -> None:
    calls = []
    for line in commands_of(page):
        if found := re.search(r'"\$API(/[^"?]*)', line):
            said = re.search(r"-X ([A-Z]+)", line)
            method = said[1] if said else "POST" if " -d " in line else "GET"
            calls.append((method, found[1]))
    calls += re.findall(r"`(GET|POST|PUT) (/[^` ]+)`", text_of(page))
    assert len(calls) > 30
    known = routes_of_the_api()
    assert not [
        (method, path)
        for method, path in calls
        if not any(method == m and matches(template, path) for m, template in known)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_the_console_is_one(page: str) -> None:
    named = set(re.findall(r"`(/console[^`?]*)", text_of(page)))
    known = [getattr(route, "path", "") for one in ROUTERS for route in one.routes]
    assert len(named) >= 5
    assert not [one for one in named if not any(matches(path, one) for path in known)]


@pytest.mark.parametrize("page", PAGES)
def test_every_deed_names_the_page_where_it_is_done_too(page: str) -> None:
    sections = re.split(r"(?m)^(?=##)", text_of(page))
    for command, place in DEEDS.items():
        where = [one for one in sections if re.search(command, one)]
        assert where, command
        assert not [one for one in where if f"`{place}" not in one], command


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_and_every_setting_is_one(page: str) -> None:
    metrics = set(re.findall(r"\bunbind_[a-z_]+", text_of(page)))
    settings = set(re.findall(r"\bUNBIND_([A-Z_]+)", text_of(page)))
    assert len(metrics) > 20
    assert metrics <= set(METRICS)
    assert len(settings) > 5
    assert {name.lower() for name in settings} <= {*Settings.model_fields, OF_COMPOSE}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        name, _, anchor = target.partition("#")
        path = ROOT / "docs" / (name or page)
        assert path.is_file(), target
        assert not anchor or anchor in anchors_of(path), target


@pytest.mark.parametrize("pages", [PAGES, OPERATIONS])
def test_both_languages_hold_the_same_commands_in_the_same_order(
    pages: tuple[str, str],
) -> None:
    english, chinese = (commands_of(page) for page in pages)
    assert english == chinese != []


def test_both_languages_name_the_same_things() -> None:
    english, chinese = (set(named_by(page)) for page in PAGES)
    assert english == chinese


def named_by(page: str) -> list[str]:
    """Give what stands between backticks in the sentences."""
    sentences = " ".join(BLOCK.sub("", text_of(page)).split())
    return re.findall(r"`([A-Za-z_/][^`]*)`", sentences)
