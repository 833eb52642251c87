"""Every word is there in both languages, and templates use no other."""

import re
import string
from pathlib import Path

import pytest

from unbind_broker import console
from unbind_broker.console.words import CATALOGUE

PACKAGE = Path(str(console.__file__)).parent
KEY = re.compile(r"""\bt\(\s*"([^"]+)"\s*[,)]""")
SAID = re.compile(r"""\.say\(\s*"([^"]+)"\s*[,)]""")
CHINESE = re.compile("[\u4e00-\u9fff]")


def used() -> list[tuple[str, str]]:
    templates = [(one, KEY) for one in PACKAGE.rglob("*.html")]
    modules = [(one, SAID) for one in PACKAGE.rglob("*.py")]
    return [
        (path.name, key)
        for path, pattern in [*templates, *modules]
        for key in pattern.findall(path.read_text(encoding="utf-8"))
    ]


def values_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(CATALOGUE))
def test_both_languages_say_it_with_the_same_values(key: str) -> None:
    words = CATALOGUE[key]
    assert words.zh.strip()
    assert words.en.strip()
    assert not CHINESE.search(words.en)
    assert values_of(words.zh) == values_of(words.en)


def test_pages_use_known_words_only() -> None:
    found = used()
    assert len(found) > 50
    assert [(where, key) for where, key in found if key not in CATALOGUE] == []


def test_templates_hold_no_words_of_their_own() -> None:
    chinese = [
        path.name
        for path in PACKAGE.rglob("*.html")
        if CHINESE.search(path.read_text(encoding="utf-8").replace("中文", ""))
    ]
    assert chinese == []
