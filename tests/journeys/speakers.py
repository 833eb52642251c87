"""Outsiders whose every answer is overheard."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from tests.journeys.overheard import Overheard

TOLD = {
    r"POST /v1/admin/keys": ("key",),
    r"PUT /v1/endpoint": ("secret",),
    r"POST /v1/endpoint/rotate-secret": ("secret",),
    r"GET /v1/items": ("data.number", "data.attestation"),
    r"GET /v1/audit/orders/[^/]+/evidence": ("data.body", "data.webhook_id"),
}
"""Where numbers and secrets are told, and in which fields: nowhere else."""


class Speaker:
    """Somebody who calls the API, with a key or without."""

    def __init__(self, url: str, overheard: Overheard, key: str | None = None) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=40, trust_env=False
        )
        self._overheard = overheard

    async def ask(
        self, method: str, path: str, body: object = None, **request: Any
    ) -> httpx.Response:
        """Make one call, whatever it is answered."""
        if body is not None:
            request["json"] = body
        answer = await self._http.request(method, path, **request)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        told = told_in(f"{method} {path}", answer)
        place = f"{answer.status_code} to {method} {path} {request}"[:200]
        self._overheard.hear(place, f"{head}\n{answer.text}", told)
        return answer

    async def call(
        self, method: str, path: str, body: object = None, **request: Any
    ) -> dict[str, Any]:
        """Make one call that must succeed."""
        answer = await self.ask(method, path, body, **request)
        assert answer.is_success, (method, path, answer.text)
        read: dict[str, Any] = answer.json() if answer.content else {}
        return read

    async def close(self) -> None:
        await self._http.aclose()


def told_in(place: str, answer: httpx.Response) -> list[str]:
    """Give what an answer may tell, as it stands there."""
    fields = next(
        (fields for where, fields in TOLD.items() if re.fullmatch(where, place)), ()
    )
    if not fields or not answer.is_success:
        return []
    document = answer.json()
    return [
        json.dumps(value, ensure_ascii=False)
        for one in fields
        for value in values_at(document, one.split("."))
    ]


def values_at(document: object, path: list[str]) -> Iterator[object]:
    """Give what stands at a path; lists are walked through, null is left out."""
    match document, path:
        case list(), _:
            for one in document:
                yield from values_at(one, path)
        case Mapping(), [name, *rest]:
            yield from values_at(document.get(name), rest)
        case None, _:
            return
        case value, []:
            yield value
        case _:
            raise AssertionError(f"there is nothing at {path}")
