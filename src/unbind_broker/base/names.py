"""Slugs, names and domains of the registry: what may be written, and why not."""

import re
from collections.abc import Collection
from urllib.parse import unquote

from unbind_broker.base.errors import BrokerError
from unbind_broker.base.numbers import holds_number

SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST_SLUG = 64
LONGEST_NAME = 100
LONGEST_URL = 2048
_NO_NUMBER = "expected no phone number here: it would be shown and logged"

_SLUG = re.compile(SLUG_PATTERN.removeprefix("^").removesuffix("$"), re.ASCII)
_HTTPS = re.compile(r"https://([A-Za-z0-9.-]+)(?::443)?(?:[/?#][!-\[\]-~]*)?")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)+(?=[a-z]){_LABEL}", re.ASCII)


class SlugTaken(BrokerError):
    """Somebody else is registered under this slug."""

    code = "slug-taken"
    title = "This slug is taken"


def slug_fault(slug: str) -> str | None:
    """Say what is wrong with a slug, or nothing."""
    if _SLUG.fullmatch(slug) and len(slug) <= LONGEST_SLUG:
        return _NO_NUMBER if holds_number(slug) else None
    return (
        f"expected at most {LONGEST_SLUG} lower-case letters and digits with single "
        "hyphens between, such as china-mobile"
    )


def name_fault(name: str) -> str | None:
    """Say what is wrong with a name that people read, or nothing."""
    if name.strip() and len(name) <= LONGEST_NAME and name.isprintable():
        return _NO_NUMBER if holds_number(name) else None
    return f"expected 1 to {LONGEST_NAME} characters, none of them a control character"


def domain_fault(domain: str) -> str | None:
    """Say what is wrong with a domain such as ``weibo.com``, or nothing."""
    if _DOMAIN.fullmatch(domain):
        return _NO_NUMBER if holds_number(domain) else None
    return "expected a domain in lower-case ASCII such as weibo.com"


def is_https_on(url: str, domains: Collection[str]) -> bool:
    """Tell whether a URL leads people to one of these domains, or below one.

    Stricter than browsers: whatever they could read in another way is none, nor is one
    that holds a phone number.
    """
    match = _HTTPS.fullmatch(url)
    if match is None or len(url) > LONGEST_URL or holds_number(unquote(url)):
        return False
    host = match[1].lower()
    return domain_fault(host) is None and any(
        host == domain or host.endswith(f".{domain}") for domain in domains
    )
