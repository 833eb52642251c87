"""Clearances and their parts in paths. What names nothing is answered 404."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path

from unbind_broker.api.pages import number_key
from unbind_broker.api.problems import NotFound
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.clearances.parts import MOST_PARTS

NOT_YOURS = "no clearance of yours has this id"
WITHOUT_NUMBERS = f"{NOT_YOURS}, or its numbers are destroyed by now"
"""Where more than what was counted is asked for, which can be read to the end."""


def _clearance_id(
    clearance_id: Annotated[str, Path(examples=["clr_01kb2x5c7zf3v8h1m4n6p9q2rs"])],
) -> UUID:
    found = parse_id(clearance_id, Prefix.CLEARANCE)
    if found is None:
        raise NotFound(NOT_YOURS)
    return found


def _part(
    n: Annotated[
        str,
        Path(examples=["1"], description=f"The part's number, 1 to {MOST_PARTS:,}."),
    ],
) -> int:
    try:
        part = number_key(n)
    except ValueError:
        part = 0
    if not 1 <= part <= MOST_PARTS:
        raise NotFound(f"parts are numbered from 1 to {MOST_PARTS}")
    return part


ClearanceIdInPath = Annotated[UUID, Depends(_clearance_id)]
PartInPath = Annotated[int, Depends(_part)]
