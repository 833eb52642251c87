"""Pages to read that load nothing and run nothing: their templates and their styles."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined


@dataclass(frozen=True)
class Style:
    """The style that a page holds, and the policy that lets it have no other.

    ``policy`` is for the page itself, so that it also holds where somebody passes it
    on; ``header`` goes with it where it is served.
    """

    css: str
    policy: str

    @property
    def header(self) -> str:
        """Give the value of ``Content-Security-Policy``."""
        return f"{self.policy}; frame-ancestors 'none'"


def environment() -> Environment:
    """Make an environment for the templates of this package."""
    return Environment(
        loader=PackageLoader("unbind_broker.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style(made: Environment, name: str) -> Style:
    """Read a style sheet that stands beside the templates."""
    assert made.loader is not None  # noqa: S101 - made above, narrows
    css = made.loader.get_source(made, name)[0]
    digest = b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return Style(css, policy)
