"""Fields of the lines that platforms report, each read by itself. Pure."""

from collections.abc import Callable, Mapping
from typing import TypeGuard, TypeVar

from unbind_broker.base.coded_enum import CodedEnum
from unbind_broker.base.instants import parse_instant
from unbind_broker.base.names import LONGEST_URL
from unbind_broker.base.numbers import clean_free_text

LARGEST_COUNT = 2**31 - 1

Word = TypeVar("Word", bound=CodedEnum)
Readers = Mapping[str, Callable[[object], object]]


class FieldWrong(Exception):
    """A field that cannot be read; never repeats what stood there."""


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Tell whether a JSON value is an object."""
    return isinstance(value, dict)


def read_fields(
    given: Mapping[str, object], readers: Readers, name_of_line: str
) -> dict[str, object]:
    """Read all fields but the one that names what a line is about.

    ``outcome`` is needed. Raises ``FieldWrong``.
    """
    if "outcome" not in given:
        raise FieldWrong("outcome: this field is required")
    fields: dict[str, object] = {}
    for name, value in given.items():
        if name == name_of_line:
            continue
        read = readers.get(name)
        if read is None:
            known = ", ".join((name_of_line, *readers))
            raise FieldWrong(f"there is a field that is none of {known}")
        try:
            fields[name] = read(value)
        except FieldWrong as wrong:
            raise FieldWrong(f"{name}: {wrong}") from None
    return fields


def one_of(words: frozenset[Word]) -> Callable[[object], Word]:
    """Give the reader of a word of a closed set."""
    by_word = {word.value: word for word in words}
    listed = ", ".join(sorted(by_word))

    def read(value: object) -> Word:
        found = by_word.get(value) if isinstance(value, str) else None
        if found is None:
            raise FieldWrong(f"expected one of {listed}")
        return found

    return read


def count(value: object) -> int:
    """Read how many there are of something."""
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise FieldWrong(f"expected a whole number from 0 to {LARGEST_COUNT}")
    return value


def instant(value: object) -> object:
    """Read an instant with its offset."""
    found = parse_instant(value) if isinstance(value, str) else None
    if found is None:
        raise FieldWrong("expected an instant such as 2026-11-21T08:00:00Z")
    return found


def free_text(value: object) -> str | None:
    """Read a stranger's words, made fit to keep; None if nothing is left of them."""
    if not isinstance(value, str):
        raise FieldWrong("expected text")
    return clean_free_text(value) or None


def url(value: object) -> str:
    """Read what may be a URL."""
    if not isinstance(value, str) or len(value) > LONGEST_URL:
        raise FieldWrong(f"expected a URL of at most {LONGEST_URL} characters")
    return value


def flag(value: object) -> bool:
    """Read yes or no."""
    if not isinstance(value, bool):
        raise FieldWrong("expected true or false")
    return value
