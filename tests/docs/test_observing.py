"""What operators read of lines and traces is what the program says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from unbind_broker.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = ("observing.md", "observing.zh-CN.md")
ELSEWHERE = {"demo", "client", "conformance"}
"""What does not run in an operator's processes."""
SAYING = {
    "debug",
    "info",
    "warning",
    "error",
    "exception",
    "log",
    "_warn",
    "_unreadable",
}


def events_said() -> Iterator[str]:
    for path in (ROOT / "src" / "unbind_broker").rglob("*.py"):
        parts = path.relative_to(ROOT / "src" / "unbind_broker").parts
        if parts[0] in ELSEWHERE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _says(node.func):
                yield from _names(node.args)


def _says(called: ast.expr) -> bool:
    match called:
        case ast.Attribute(value=ast.Name(id="log" | "_log"), attr=name):
            return name in SAYING
        case ast.Name(id=name):
            return name in {"_warn", "_unreadable"}
        case _:
            return False


def _names(arguments: list[ast.expr]) -> Iterator[str]:
    for argument in arguments:
        options = (
            [argument.body, argument.orelse]
            if isinstance(argument, ast.IfExp)
            else [argument]
        )
        for one in options:
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield one.value


@pytest.mark.parametrize("page", PAGES)
def test_every_event_is_explained(page: str) -> None:
    words = set(re.findall(r'[`"]([a-z_]+)[`"]', (ROOT / "docs" / page).read_text()))
    said = set(events_said())
    assert {"attempt", "request", "clock_off", "results_unsigned"} <= said
    assert said - words == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_on_the_page_is_one(page: str) -> None:
    named = set(re.findall(r"UNBIND_([A-Z_]+)", (ROOT / "docs" / page).read_text()))
    assert {"TRACES_ENDPOINT", "TRACES_HEADERS", "TRACES_RATIO", "LOG_LEVEL"} <= named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_both_languages_tell_of_the_same() -> None:
    english, chinese = ((ROOT / "docs" / page).read_text() for page in PAGES)
    for pattern in (r"`([a-zA-Z_./:-]+)`", r"^(#+) ", r"^\| `"):
        found = [re.findall(pattern, one, re.MULTILINE) for one in (english, chinese)]
        assert sorted(set(found[0])) == sorted(set(found[1]))
