"""Styles and scripts, under names that change with what they hold."""

import hashlib
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

router = APIRouter(prefix="/console/static", include_in_schema=False)

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.api_route("/{name}", methods=["GET", "HEAD"])
async def read_static(name: str) -> Response:
    """Serve one file; any name stands for the same bytes for ever."""
    content = _by_address().get(name)
    if content is None:
        raise HTTPException(404)
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(content, media_type=kind, headers=_HEADERS)


def address(name: str) -> str:
    """Say where a file of the package is served; raises ``KeyError``."""
    return f"/console/static/{_hashed()[name][0]}"


@cache
def _hashed() -> dict[str, tuple[str, bytes]]:
    hashed: dict[str, tuple[str, bytes]] = {}
    for file in files("unbind_broker.console").joinpath("static").iterdir():
        stem, _, ending = file.name.rpartition(".")
        if ending in _TYPES:
            content = file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            hashed[file.name] = (f"{stem}.{digest}.{ending}", content)
    return hashed


@cache
def _by_address() -> dict[str, bytes]:
    return dict(_hashed().values())
