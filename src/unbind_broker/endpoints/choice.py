"""What an owner may choose for its endpoint (pure)."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote

from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.numbers import holds_number
from unbind_broker.base.signing_keys import PublicKey, SigningKeyInvalid
from unbind_broker.endpoints.events import CARRIER_EVENTS, PLATFORM_EVENTS
from unbind_broker.endpoints.states import Delivery

MAX_BATCH = range(1, 501)
MAX_CONCURRENCY = range(1, 65)
LONGEST_GRACE = timedelta(days=7)
HIGHEST_RATE = 10_000.0
LOWEST_RATE = 0.01
"""Requests per second."""


@dataclass(frozen=True)
class EndpointChoice:
    """How an owner wants to be reached.

    ``max_rate`` is in requests per second, None for no limit. ``event_types`` None
    stands for all. ``result_public_key`` makes signed reports (``v1a``) obligatory.
    """

    url: str | None = None
    delivery: Delivery = Delivery.PUSH
    max_batch: int = 50
    max_concurrency: int = 4
    max_rate: float | None = None
    result_public_key: str | None = None
    event_types: tuple[str, ...] | None = None


def check_choice(choice: EndpointChoice, *, for_carrier: bool) -> None:
    """Raise ``InvalidFields`` for whatever this owner cannot choose."""
    InvalidFields.check(
        {
            "/url": _url_fault(choice),
            "/max_batch": _range_fault(choice.max_batch, MAX_BATCH),
            "/max_concurrency": _range_fault(choice.max_concurrency, MAX_CONCURRENCY),
            "/max_rate": _rate_fault(choice.max_rate),
            "/result_public_key": _key_fault(choice, for_carrier=for_carrier),
            **_event_faults(choice.event_types, for_carrier=for_carrier),
        }
    )


def _url_fault(choice: EndpointChoice) -> str | None:
    if choice.delivery is Delivery.PUSH and choice.url is None:
        return "delivery push needs a URL"
    if choice.delivery is Delivery.PULL and choice.url is not None:
        return "delivery pull takes no URL"
    if choice.url is not None and holds_number(unquote(choice.url)):
        return "expected a URL without a phone number"
    return None


def _range_fault(value: int, allowed: range) -> str | None:
    if value in allowed:
        return None
    return f"expected {allowed.start} to {allowed.stop - 1}"


def _rate_fault(rate: float | None) -> str | None:
    if rate is None or LOWEST_RATE <= rate <= HIGHEST_RATE:
        return None
    return f"expected {LOWEST_RATE} to {HIGHEST_RATE:.0f} a second, or null"


def _key_fault(choice: EndpointChoice, *, for_carrier: bool) -> str | None:
    if choice.result_public_key is None:
        return None
    if for_carrier:
        return "only platforms report results"
    try:
        PublicKey.parse(choice.result_public_key)
    except SigningKeyInvalid:
        return "expected whpk_ and the base64 of 32 bytes"
    return None


def _event_faults(
    chosen: tuple[str, ...] | None, *, for_carrier: bool
) -> dict[str, str | None]:
    if chosen is None:
        return {}
    if not chosen:
        return {"/event_types": "expected at least one, or null for all"}
    known = CARRIER_EVENTS if for_carrier else PLATFORM_EVENTS
    fault = f"expected one of {', '.join(sorted(known))}"
    return {
        f"/event_types/{place}": None if event in known else fault
        for place, event in enumerate(chosen)
    }


def check_grace(grace: timedelta) -> None:
    """Raise ``InvalidFields`` if an old secret could not sign along for so long."""
    fine = timedelta(0) <= grace <= LONGEST_GRACE
    fault = f"expected 0 to {LONGEST_GRACE.total_seconds():.0f}"
    InvalidFields.check({"/grace_seconds": None if fine else fault})
