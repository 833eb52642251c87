"""The console's cookies: none is read by a script, none leaves with a foreign link."""

from typing import Final

from fastapi import Request, Response

SESSION: Final = "unbind_console"
SAID: Final = "unbind_console_said"
ISSUED: Final = "unbind_console_issued"
LANGUAGE: Final = "unbind_console_language"
THEME: Final = "unbind_console_theme"

_PATH = "/console"
_SPOKEN_TO_SAFELY = "spoken_to_safely"


def put(
    request: Request, response: Response, name: str, value: str, max_age: int | None
) -> None:
    """Set a cookie; without ``max_age`` (seconds) it ends with the browser."""
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=_PATH,
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def drop(request: Request, response: Response, name: str) -> None:
    """Take a cookie away."""
    response.delete_cookie(
        name,
        path=_PATH,
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def remember_secure(request: Request) -> None:
    """Take the browser to speak HTTPS, whatever this request says of it."""
    request.scope["state"][_SPOKEN_TO_SAFELY] = True


def is_secure(request: Request) -> bool:
    """Tell whether the browser speaks HTTPS, be it to a proxy before this process.

    Browsers tell it with forms alone, so a login remembers it.
    """
    if request.scope["state"].get(_SPOKEN_TO_SAFELY, False):
        return True
    told = request.headers.get("x-forwarded-proto", "").split(",")[-1].strip()
    by_origin = request.headers.get("origin", "").startswith("https://")
    return request.url.scheme == "https" or told == "https" or by_origin
