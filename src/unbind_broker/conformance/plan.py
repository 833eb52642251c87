"""What is tried, with which keys, and within which limits."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from unbind_broker.base.ids import new_random_bytes, new_token
from unbind_broker.base.signing_keys import PublicKey, Secret

PORT = 8799
"""Where results are taken unless another port is given."""

_SECRET_BYTES = 32
_KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One endpoint, as its owner would declare it to the broker.

    ``wait`` is how long a result may take, ``within`` how long the endpoint may take to
    come up, ``limit`` how long an answer may take. With ``result_public_key`` reports
    must be signed.
    """

    url: str
    secret: Secret = field(repr=False)
    key: str = field(repr=False)
    max_batch: int = 50
    max_concurrency: int = 4
    max_rate: float | None = None
    wait: timedelta = timedelta(seconds=30)
    within: timedelta = timedelta(minutes=2)
    limit: timedelta = timedelta(seconds=10)
    pause: timedelta = timedelta(seconds=1)
    result_public_key: PublicKey | None = None
    domains: Collection[str] = ()


def new_secret() -> Secret:
    """Make a secret as the broker gives them."""
    return Secret(new_random_bytes(_SECRET_BYTES))


def new_key() -> str:
    """Make a key of the form that platforms report with."""
    return f"ub_platform_{new_token(_KEY_BYTES)}"
