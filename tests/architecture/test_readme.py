"""Both READMEs name every setting with its default, every command, and real places."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer
from pydantic import ValidationError

from unbind_broker.cli.main import COMMANDS
from unbind_broker.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
PAGES = (
    *READMES,
    *(str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("docs/**/*.md"))),
)
MOST_LINES = 460

UNSET = "–"
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
NAMED = re.compile(r'^<a id="([^"]+)"></a>$', re.MULTILINE)
OPTION = re.compile(r"--[a-z0-9-]+")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def settings_faults(text: str) -> list[str]:
    """Compare rows ``| `UNBIND_X` | `default` | meaning |`` with the fields."""
    fields = {f"UNBIND_{name}".upper(): name for name in Settings.model_fields}
    rows = {
        name: rest.split(" | ", 1)
        for name, rest in ROW.findall(text)
        if name.startswith("UNBIND_")
    }
    faults = [f"{name} is not listed" for name in fields if name not in rows]
    for name, cells in rows.items():
        if name not in fields:
            faults.append(f"there is no setting {name}")
        elif len(cells) < 2 or not cells[1].strip():
            faults.append(f"{name} has no meaning")
        elif not is_default(fields[name], cells[0]):
            faults.append(f"{name} has another default than {cells[0]}")
    return faults


def is_default(field: str, cell: str) -> bool:
    """Read the cell as the variable would be read; unset ones show a dash."""
    default = Settings.model_fields[field].default
    if default is None or default == ():
        return cell == UNSET
    try:
        written = Settings.model_validate({field: cell.strip("`")})
    except ValidationError:
        return False
    return bool(getattr(written, field) == default)


def commands() -> dict[str, set[str]]:
    """Give every command as it is typed, with its options."""
    found: dict[str, set[str]] = {}
    for name in COMMANDS:
        module = import_module(f"unbind_broker.cli.{name}")
        command: Any = typer.main.get_command(module.app)
        parts = getattr(command, "commands", None)
        named = {f"{name} {sub}": one for sub, one in (parts or {}).items()}
        for path, one in (named or {name: command}).items():
            found[path] = {option for param in one.params for option in param.opts}
    return found


def command_faults(text: str) -> list[str]:
    """Compare rows ``| `keys list …` | meaning |`` with the command line."""
    known, listed, faults = commands(), set[str](), []
    for written, _ in ROW.findall(text):
        if written.startswith("UNBIND_"):
            continue
        path = " ".join(
            word for word in written.split()[:2] if re.fullmatch("[a-z]+", word)
        )
        listed.add(path)
        if path not in known:
            faults.append(f"there is no command {path}")
            continue
        strange = set(OPTION.findall(written)) - known[path]
        faults += [f"{path} has no option {option}" for option in sorted(strange)]
    return faults + [f"{path} is not listed" for path in known if path not in listed]


def link_faults(text: str, page: Path) -> list[str]:
    """Follow every link that stays in the repository, headings included."""
    prose = FENCE.sub("", text)
    return [f"{link} leads nowhere" for link in broken(LINK.findall(prose), text, page)]


def broken(links: list[str], text: str, page: Path) -> Iterator[str]:
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = unquote(link).partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.is_relative_to(ROOT) or not target.exists():
            yield link
        elif anchor:
            there = target.read_text(encoding="utf-8") if place else text
            if anchor not in anchors(there):
                yield link


def anchors(text: str) -> set[str]:
    """Write headings as their anchors: small letters, hyphens for spaces.

    What is named with ``<a id="…">`` is one, too.
    """
    headings = HEADING.findall(FENCE.sub("", text))
    return set(NAMED.findall(text)) | {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in headings
    }


def blocks(text: str) -> list[tuple[str, str]]:
    return [(kind, body) for kind, body in FENCE.findall(text)]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no variable and no ``.env`` of this machine stand for a default."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"UNBIND_{name}".upper(), raising=False)


@pytest.mark.parametrize("page", READMES)
def test_every_setting_is_listed_with_its_default(page: str) -> None:
    assert settings_faults(read(page)) == []


@pytest.mark.parametrize("page", READMES)
def test_every_command_is_listed_with_options_it_has(page: str) -> None:
    assert command_faults(read(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_inside_the_repository_leads_somewhere(page: str) -> None:
    assert link_faults(read(page), ROOT / page) == []


@pytest.mark.parametrize("page", READMES)
def test_readme_stays_readable(page: str) -> None:
    assert len(read(page).splitlines()) <= MOST_LINES


def test_both_languages_show_the_same_commands_and_outputs() -> None:
    english, chinese = (blocks(read(page)) for page in READMES)
    assert english
    assert english == chinese


def test_missing_wrong_and_strange_settings_are_found() -> None:
    text = read("README.md")
    lease = "| `UNBIND_LEASE` | `20s` |"
    assert lease in text

    assert settings_faults(text.replace("`UNBIND_LEASE`", "`UNBIND_LEASES`")) == [
        "UNBIND_LEASE is not listed",
        "there is no setting UNBIND_LEASES",
    ]
    for wrong in ("`21s`", "`soon`", UNSET):
        spoiled = text.replace(lease, f"| `UNBIND_LEASE` | {wrong} |")
        assert settings_faults(spoiled) == [
            f"UNBIND_LEASE has another default than {wrong}"
        ]
    empty = text.replace("| `UNBIND_INDEX_KEY` | – |", "| `UNBIND_INDEX_KEY` | `x` |")
    assert settings_faults(empty) == ["UNBIND_INDEX_KEY has another default than `x`"]


def test_setting_without_a_meaning_is_found() -> None:
    assert "UNBIND_LEASE has no meaning" in settings_faults(
        "| `UNBIND_LEASE` | `20s` |  |"
    )


def test_missing_and_strange_commands_are_found() -> None:
    text = read("README.md")

    assert command_faults(text.replace("| `keys list`", "| `keys show`")) == [
        "there is no command keys show",
        "keys list is not listed",
    ]
    assert command_faults(text.replace("`demo [--once]", "`demo [--twice]")) == [
        "demo has no option --twice"
    ]


@pytest.mark.parametrize(
    "link", ["docs/nothing.md", "#nowhere", "CHANGELOG.md#nowhere", "../outside.md"]
)
def test_link_that_leads_nowhere_is_found(link: str) -> None:
    page = ROOT / "README.md"
    assert link_faults(f"# Here\n\n[there]({link})\n", page) == [
        f"{link} leads nowhere"
    ]


@pytest.mark.parametrize(
    "link",
    [
        "LICENSE",
        "docs/decisions",
        "#it-is-here",
        "CHANGELOG.md#changelog",
        "https://a.b",
    ],
)
def test_link_that_leads_somewhere_is_let_be(link: str) -> None:
    text = f"# It is: here\n\n[there]({link})\n\n```text\n[x](nowhere)\n```\n"
    assert link_faults(text, ROOT / "README.md") == []
