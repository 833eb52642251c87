"""What went wrong at a platform, in words for whoever does not know the protocol."""

import re
from collections.abc import Callable
from functools import partial

from unbind_broker.console.visits import Visit
from unbind_broker.console.words import CATALOGUE

_ANSWERED = re.compile(r"answered (\d{3})\b")
_OWN_NETWORK = "presumably the broker's own network: "
_WITHIN = re.compile(r"no whole answer within (\S+) s")
_PHRASES = (
    ("TLS: certificate has expired", "fault.certificate.expired"),
    ("TLS: certificate name mismatch", "fault.certificate.name"),
    ("TLS: certificate is self-signed", "fault.certificate.unknown"),
    ("TLS: certificate issuer is unknown", "fault.certificate.unknown"),
    ("TLS: certificate chain", "fault.certificate.unknown"),
    ("TLS: certificate", "fault.certificate"),
    ("TLS:", "fault.tls"),
    ("name does not resolve", "fault.dns"),
    ("connection timed out", "fault.connect_timeout"),
    ("no connection within", "fault.connect_timeout"),
    ("connection refused", "fault.refused"),
    ("connection reset", "fault.reset"),
    ("connection closed without an answer", "fault.reset"),
    ("no route to the host", "fault.route"),
    ("connection failed", "fault.connect"),
    ("address refused", "fault.address"),
    ("the URL is not usable", "fault.url"),
    ("the broker stood still", "fault.own"),
    ("not sent, for a reason on the broker's side", "fault.own"),
)


def explainers(visit: Visit) -> dict[str, Callable[..., str]]:
    """Give both ways to explain to a template, by their own names."""
    return {
        "explain": partial(explain, visit),
        "explain_status": partial(explain_status, visit),
    }


def explain(visit: Visit, error: str | None) -> str:
    """Say it in the reader's language; what is not known stays as it was told."""
    if not error:
        return ""
    if error.startswith(_OWN_NETWORK):
        return visit.say(
            "fault.network", what=explain(visit, error[len(_OWN_NETWORK) :])
        )
    answered = _ANSWERED.search(error)
    if answered:
        return explain_status(visit, int(answered[1]))
    late = _WITHIN.match(error)
    known = (key for begin, key in _PHRASES if error.startswith(begin))
    key = "fault.timeout" if late else next(known, None)
    seconds = late[1] if late else ""
    return error if key is None else visit.say(key, detail=error, n=seconds)


def explain_status(visit: Visit, status: int) -> str:
    """Say what a status of HTTP means here."""
    for key in (f"fault.{status}", f"fault.{status // 100}xx"):
        if key in CATALOGUE:
            return visit.say(key, status=status)
    return visit.say("fault.status", status=status)
