"""A statement that runs all the time, and values to run it with."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import TextClause

from tests.support.clock import NOON

BATCH = 50
LATER = NOON + timedelta(days=9)


class Hot(NamedTuple):
    """``indexes`` must be used on large tables."""

    statement: TextClause
    values: Mapping[str, Any]
    indexes: tuple[str, ...] = ()
