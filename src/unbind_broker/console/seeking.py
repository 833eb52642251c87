"""What somebody types to seek stands in no address: it is sealed into one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import without_ids
from unbind_broker.base.numbers import holds_number
from unbind_broker.console.addresses import address
from unbind_broker.console.posting import Posted
from unbind_broker.console.problems import NotHere
from unbind_broker.console.sessions import seal, unseal
from unbind_broker.console.visits import AuditVisit, Visit, signed_in

MOST_TEXT = 100
_SOUGHT = b"sought"
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]|$)", re.ASCII)


@dataclass(frozen=True)
class _List:
    """A page that lists what was sought; ``part`` is where its rows begin."""

    home: str
    names: tuple[str, ...]
    part: str | None = None


_LISTS = {
    "audit": _List(
        "/console/audit", ("order", "actor", "action", "after", "before"), "events"
    ),
    "clearances": _List("/console/clearances", ("carrier", "status")),
    "platforms": _List("/console/platforms", ("name", "state", "sort")),
    "violations": _List("/console/violations", ("carrier", "platform")),
}

router = APIRouter(prefix="/console/seek", include_in_schema=False)


@dataclass(frozen=True)
class Sought:
    """What is sought: ``sealed`` stands for it in addresses, empty for nothing."""

    sealed: str
    fields: Mapping[str, str]

    def text(self, name: str) -> str:
        """Give a field, empty where it is not sought."""
        return self.fields.get(name, "")


@router.post("/{name}")
async def seek(visit: AuditVisit, name: str, form: Posted) -> Response:
    """Lead to the list of what is sought; a phone number is never sought so."""
    if name not in _LISTS:
        raise NotHere("there is no list of this name")
    among = _LISTS[name]
    given = {one: form.text(one)[:MOST_TEXT] for one in among.names}
    sealed = seal_sought(visit, {one: text for one, text in given.items() if text})
    return visit.go(address(among.home, {"sought": sealed}, among.part))


def seal_sought(visit: Visit, fields: Mapping[str, str]) -> str:
    """Write what is sought for an address; raises ``InvalidFields`` for a number."""
    InvalidFields.check(
        {
            f"/{name}": "expected no phone number here"
            for name, text in fields.items()
            if not _is_instant(text) and holds_number(without_ids(text))
        }
    )
    if not fields:
        return ""
    return seal(visit.desk.sessions.sealer, dict(fields), _SOUGHT)


def _is_instant(text: str) -> bool:
    """Tell it from a number: written without hyphens, either could be the other."""
    try:
        return bool(_DAY.match(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def _sought(visit: Annotated[Visit, Depends(signed_in)], sought: str = "") -> Sought:
    fields = unseal(visit.desk.sessions.sealer, sought, _SOUGHT)
    if fields is None:
        return Sought("", MappingProxyType({}))
    return Sought(sought, {name: str(text) for name, text in fields.items()})


SoughtHere = Annotated[Sought, Depends(_sought)]
"""What the address of a list says is sought."""
