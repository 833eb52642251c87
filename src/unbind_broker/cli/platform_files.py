"""Read lists of platforms: JSON, CSV, or the catalogue that comes with the broker."""

import csv
import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from unbind_broker.base.errors import BrokerError, InvalidFields
from unbind_broker.base.names import slug_fault
from unbind_broker.platforms.catalogue import load_catalogue
from unbind_broker.platforms.profile import Profile, check_profile

Entry = tuple[str, Profile]

REQUIRED = ("slug", "name_zh", "name_en", "category", "sensitive")
_YES = frozenset({"true", "yes", "1"})
_NO = frozenset({"false", "no", "0", ""})


class FileUnreadable(BrokerError):
    """The file does not hold a list of platforms."""

    code = "file-unreadable"
    title = "The file does not hold a list of platforms"


def read_catalogue() -> list[Entry]:
    """Give the built-in catalogue."""
    return [
        (
            entry.slug,
            Profile(
                name_zh=entry.name_zh,
                name_en=entry.name_en,
                category=entry.category,
                sensitive=entry.sensitive,
                domains=entry.domains,
            ),
        )
        for entry in load_catalogue()
    ]


def read_file(path: Path) -> list[Entry]:
    """Read a JSON array of objects, or CSV with a line of headings."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FileUnreadable(f"{path} is not in UTF-8") from None
    is_json = text.lstrip().startswith(("[", "{"))
    rows = _json_rows(path, text) if is_json else _csv_rows(text)
    return [_entry(f"{path}, {place}", row) for place, row in rows]


def _json_rows(path: Path, text: str) -> list[tuple[str, Mapping[str, object]]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise FileUnreadable(f"{path} is not valid JSON: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileUnreadable(f"{path}: expected an array of objects")
    return [(f"entry {place}", row) for place, row in enumerate(rows, 1)]


def _csv_rows(text: str) -> list[tuple[str, Mapping[str, object]]]:
    reader = csv.DictReader(StringIO(text, newline=""))
    rows: list[tuple[str, Mapping[str, object]]] = []
    for read in reader:
        row: dict[str, object] = {
            (name or "surplus"): value or "" for name, value in read.items()
        }
        domains = str(row.get("domains", "")).split(";")
        row["domains"] = [domain.strip() for domain in domains if domain.strip()]
        rows.append((f"line {reader.line_num}", row))
    return rows


def _entry(place: str, row: Mapping[str, object]) -> Entry:
    missing = [name for name in REQUIRED if name not in row]
    if missing:
        raise FileUnreadable(f"{place}: {missing[0]} is missing")
    unknown = sorted(row.keys() - {*REQUIRED, "domains"})
    if unknown:
        raise FileUnreadable(f"{place}: there is no field {unknown[0]}")
    slug, name_zh, name_en, category = (
        _text(place, name, row[name]) for name in REQUIRED[:4]
    )
    profile = Profile(
        name_zh=name_zh,
        name_en=name_en,
        category=category,
        sensitive=_bool(place, row["sensitive"]),
        domains=_domains(place, row.get("domains", [])),
    )
    try:
        InvalidFields.check({"/slug": slug_fault(slug)})
        return slug, check_profile(profile)
    except InvalidFields as invalid:
        wrong = invalid.errors[0]
        field = wrong.pointer.removeprefix("/")
        raise FileUnreadable(f"{place}: {field}: {wrong.detail}") from None


def _text(place: str, name: str, value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    raise FileUnreadable(f"{place}: {name} must be text")


def _bool(place: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise FileUnreadable(f"{place}: sensitive must be true or false")


def _domains(place: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(domain, str) for domain in value):
        return tuple(value)
    raise FileUnreadable(f"{place}: domains must be a list of texts")
