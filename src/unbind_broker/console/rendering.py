"""Turn templates into pages and fragments."""

import hashlib
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from unbind_broker.console.tables import stacked


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unbind_broker.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["stacked"] = stacked
    return environment


def render(template: str, values: Mapping[str, object]) -> str:
    """Fill a template in; whatever it asks for and is not given is an error."""
    return _environment().get_template(template).render(values)


def etag_of(text: str) -> str:
    """Name what a text holds, as a strong validator (RFC 9110 §8.8.3)."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
