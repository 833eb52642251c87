"""The repository keeps the house rules, and its pins match what it asks for."""

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture import house

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / house.PACKAGE
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

# Files that may break a rule: path below src/unbind_broker -> the reason.
MAY_BE_LONG: dict[str, str] = {}
MAY_OPEN_TRANSACTIONS: dict[str, str] = {}
MAY_IMPORT_STORES: dict[str, str] = {}

NOT_OURS = {"__pycache__", "build", "dist", "htmlcov", "node_modules"}
KEPT_HIDDEN = {".ci", ".github", ".gitignore", ".dockerignore"}


def source_files() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def package_of(path: Path) -> str:
    first, *rest = path.relative_to(SRC).parts
    return first if rest else first.removesuffix(".py")


def module_of(path: Path) -> str:
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts)


def all_texts() -> Iterator[tuple[Path, str]]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [one for one in folders if is_ours(one)]
        for path in (Path(folder, name) for name in names if is_ours(name)):
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def is_ours(name: str) -> bool:
    return name not in NOT_OURS and (name in KEPT_HIDDEN or not name.startswith("."))


def python_texts() -> Iterator[tuple[Path, str]]:
    return ((path, text) for path, text in all_texts() if path.suffix == ".py")


def complaints(
    texts: Iterator[tuple[Path, str]], rule: Callable[[Path, str], list[str]]
) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {complaint}"
        for path, text in texts
        for complaint in rule(path, text)
    ]


@pytest.mark.parametrize(
    ("rule", "exceptions"),
    [
        (lambda _, text: house.too_long(text), MAY_BE_LONG),
        (
            lambda path, text: house.transactions_inside(package_of(path), text),
            MAY_OPEN_TRANSACTIONS,
        ),
        (
            lambda path, text: house.foreign_stores(module_of(path), text),
            MAY_IMPORT_STORES,
        ),
    ],
    ids=["length", "transactions", "stores"],
)
def test_source_keeps_the_rule(
    rule: Callable[[Path, str], list[str]], exceptions: dict[str, str]
) -> None:
    exempt = {SRC / name for name in exceptions}
    texts = {path: path.read_text(encoding="utf-8") for path in source_files()}
    broken = complaints(
        ((path, text) for path, text in texts.items() if path not in exempt), rule
    )
    needless = [
        f"{path}: keeps the rule, its exception can go"
        for path in exempt
        if not (path in texts and rule(path, texts[path]))
    ]
    assert broken + needless == []


def test_nothing_is_mocked() -> None:
    assert complaints(python_texts(), lambda _, text: house.mocks(text)) == []


def test_only_made_up_numbers_occur() -> None:
    texts = (
        (path, text)
        for path, text in all_texts()
        if not re.fullmatch(r"requirements.*\.txt", path.name)  # full of digits
    )
    assert complaints(texts, lambda _, text: house.real_numbers(text)) == []


def test_no_package_registry_is_named() -> None:
    found = complaints(all_texts(), lambda _, text: house.registry_hosts(text))
    assert found == []


def test_every_exemption_says_why() -> None:
    found = complaints(
        python_texts(), lambda _, text: house.unexplained_exemptions(text)
    )
    assert found == []


def test_every_ignored_rule_says_why() -> None:
    assert house.unexplained_ignores(PYPROJECT) == []


PIN = re.compile(
    r"^(?P<name>[a-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>.*?))? \\\n"
    r"(?P<hashes>(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def pins(name: str) -> dict[str, re.Match[str]]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {pin["name"]: pin for pin in PIN.finditer(text)}


def asked(*groups: str) -> list[Requirement]:
    project = tomllib.loads(PYPROJECT)
    lines = list(project["project"]["dependencies"]) if "runtime" in groups else []
    for group in groups:
        lines += project["dependency-groups"].get(group, [])
    return [Requirement(line) for line in lines if isinstance(line, str)]


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("requirements.txt", ("runtime",)),
        ("requirements-dev.txt", ("runtime", "dev", "build")),
        ("requirements-build.txt", ("build",)),
    ],
)
def test_pins_satisfy_what_the_project_asks_for(
    name: str, groups: tuple[str, ...]
) -> None:
    pinned = pins(name)
    unmet = [
        str(wanted)
        for wanted in asked(*groups)
        if not is_met(wanted, pinned.get(canonicalize_name(wanted.name)))
    ]
    assert unmet == [], "make lock pins them anew"


def is_met(wanted: Requirement, pin: re.Match[str] | None) -> bool:
    if pin is None or (pin["marker"] and not wanted.marker):
        return False
    return wanted.specifier.contains(pin["version"])


@pytest.mark.parametrize(
    ("line", "met"),
    [
        ("idna>=3", True),
        ("idna>=99", False),
        ("uvloop; sys_platform != 'win32'", True),
        ("uvloop", False),
        ("absent", False),
    ],
)
def test_unmet_requirement_is_noticed(line: str, *, met: bool) -> None:
    wanted = Requirement(line)
    assert is_met(wanted, pins("requirements.txt").get(wanted.name)) is met


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "requirements-build.txt"]
)
def test_pins_hold_nothing_but_names_and_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    rest = re.sub(r" +#.*\n", "", PIN.sub("", text))
    assert rest == ""
    assert "/" not in text


def test_pins_agree_with_each_other() -> None:
    everything = versions("requirements-dev.txt")
    for name in ("requirements.txt", "requirements-build.txt"):
        assert versions(name).items() <= everything.items()


def versions(name: str) -> dict[str, str]:
    return {pinned: pin["version"] for pinned, pin in pins(name).items()}
