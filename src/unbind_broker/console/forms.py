"""Read a form: of this login, of these pages, small and whole."""

import asyncio
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request

from unbind_broker.base.errors import BrokerError, InvalidFields
from unbind_broker.base.numbers import MAX_FREE_TEXT, clean_free_text

TOKEN = "_token"  # noqa: S105 - the name of a field
PROOF = "_proof"
ONCE = "_once"
_MOST_BYTES = 64 * 1024
_MOST_FIELDS = 200
_MOST_SECONDS = 30.0
_BETWEEN = re.compile(r"[\s,;，；、]+")
_TYPE = "application/x-www-form-urlencoded"


class ForeignForm(BrokerError):
    """A form comes from another place than these pages, or from an older login."""

    code = "foreign-form"
    title = "The form was not made for this login"


class UnreadableForm(BrokerError):
    """A form is too large, too slow or none at all."""

    code = "unreadable-form"
    title = "The form cannot be read"


class FormSentBefore(BrokerError):
    """A form that counts once has been sent already."""

    code = "form-sent-before"
    title = "This form has been sent before"


@dataclass(frozen=True)
class Form:
    """What was filled in, without the spaces around it."""

    fields: Mapping[str, str]

    @property
    def kept(self) -> Mapping[str, str]:
        """Give the fields of the action itself."""
        return {
            name: value
            for name, value in self.fields.items()
            if name not in {TOKEN, PROOF, ONCE}
        }

    def text(self, name: str) -> str:
        """Give a field, empty where it is not filled in."""
        return self.fields.get(name, "")

    def required(self, name: str) -> str:
        """Give a field that must be filled in; raises ``InvalidFields``."""
        value = self.text(name)
        if not value:
            raise InvalidFields.at(f"/{name}", "this field is required")
        return value

    def number(self, name: str) -> int:
        """Give a whole number above 0; raises ``InvalidFields``."""
        value = self.required(name)
        if not (value.isascii() and value.isdecimal() and len(value) < 10):  # noqa: PLR2004 - what an id's column holds
            raise InvalidFields.at(f"/{name}", "expected a whole number")
        return int(value)

    def several(self, name: str) -> list[str]:
        """Give what a field lists, with spaces, commas or semicolons between."""
        return list(filter(None, _BETWEEN.split(self.text(name))))

    def is_ticked(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return bool(self.text(name))

    def reason(self, name: str = "reason") -> str:
        """Give a reason in words, with runs of digits masked; it must be there."""
        value = self.required(name)
        if len(value) > MAX_FREE_TEXT:
            raise InvalidFields.at(f"/{name}", "expected at most 200 characters")
        return clean_free_text(value)


async def read_form(request: Request) -> Form:
    """Read a form that one of these pages sent; raises ``ForeignForm`` and others."""
    require_own_page(request)
    if request.headers.get("content-type", "").partition(";")[0].strip() != _TYPE:
        raise UnreadableForm(f"expected {_TYPE}")
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            body = await _body(request)
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except TimeoutError:
        raise UnreadableForm("it took too long to come") from None
    except ValueError:
        raise UnreadableForm("it has too many fields, or is not in UTF-8") from None
    fields = {name: value.replace("\0", "").strip() for name, value in pairs}
    if len(fields) < len(pairs):
        raise UnreadableForm("a field comes twice")
    return Form(fields)


def require_own_page(request: Request) -> None:
    """Raise ``ForeignForm`` for what another site made the browser send.

    Browsers say where a form comes from, by ``Sec-Fetch-Site`` or by ``Origin``.
    """
    site = request.headers.get("sec-fetch-site")
    if site is None:
        origin = urlsplit(request.headers.get("origin", "")).netloc
        if origin and origin == request.headers.get("host"):
            return
    elif site == "same-origin":
        return
    raise ForeignForm("it was sent from another place than the console's own pages")


def require_token(form: Form, token: str) -> None:
    """Raise ``ForeignForm`` unless the form was made for this login."""
    given = form.text(TOKEN).encode()
    if not token or not hmac.compare_digest(given, token.encode()):
        raise ForeignForm(
            "it was made for another login; open the page again, and send it from there"
        )


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BYTES:
            raise UnreadableForm(f"expected at most {_MOST_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)
