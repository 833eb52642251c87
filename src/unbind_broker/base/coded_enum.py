"""Closed sets of words that are stored as small integers."""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Self, TypeVar

Member = TypeVar("Member", bound="CodedEnum")


class CodedEnum(StrEnum):
    """A word of the contract together with the number that the database keeps.

    Members are written ``NAME = ("word", code)``. Codes never change their meaning,
    because rows outlive releases.
    """

    code: int

    def __new__(cls, word: str, code: int = 0) -> Self:
        """Make the member ``word`` that is stored as ``code``."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.code = code
        return member

    @classmethod
    def from_code(cls, code: int) -> Self:
        """Return the member stored as ``code``; an unknown code is a ``ValueError``."""
        member: Self | None = members_by_code(cls).get(code)
        if member is None:
            raise ValueError(f"{code} is no {cls.__name__}")
        return member


@cache
def members_by_code(enum: type[Member]) -> dict[int, Member]:
    """Look up rather than look for: a batch reads some thousand codes."""
    return {member.code: member for member in enum}


def codes_of(members: Iterable[CodedEnum]) -> str:
    """List the codes of ``members`` as SQL does behind ``IN``, without brackets."""
    return ", ".join(str(code) for code in sorted(one.code for one in members))
