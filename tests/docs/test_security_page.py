"""Every claim of the threat model names a test, and the test is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("docs/security.md", "docs/security.zh-CN.md")
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_LINK = re.compile(r"\]\(([^)#]+)")
_ROW = re.compile(r"^\|(?! ?-|\s*\|).*\|$", re.MULTILINE)


def named_in(page: str) -> list[tuple[str, str]]:
    return _NAMED.findall((ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_each_test_that_is_named_exists(page: str) -> None:
    named = named_in(page)
    assert len(named) > 40
    missing = [
        f"{path}::{test}"
        for path, test in named
        if f"def {test}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_both_languages_name_the_same_tests_in_the_same_order() -> None:
    english, chinese = map(named_in, PAGES)
    assert english == chinese


@pytest.mark.parametrize("page", PAGES)
def test_each_answer_to_a_threat_is_shown_by_something(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    chapters = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    for chapter in chapters:
        table = chapter.partition("\n## ")[0]
        rows = [row for row in _ROW.findall(table) if "---" not in row][1:]
        assert rows
        assert [row for row in rows if not _NAMED.search(row)] == []


@pytest.mark.parametrize("page", [*PAGES, "SECURITY.md"])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = _LINK.findall(path.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []
