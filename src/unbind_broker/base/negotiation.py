"""Choose what a caller likes best (RFC 9110 §12). Pure."""

import re
from collections.abc import Callable, Sequence

_Rank = Callable[[str, str], int]
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?", re.ASCII)


def media_type(accept: str | None, offers: Sequence[str]) -> str:
    """Choose among ``offers``, the first of which wins every tie.

    A caller that accepts none of them gets the first one too: an answer in another form
    helps more than none (§12.4.1).
    """
    return _best(_weights(accept or "*/*"), offers, _media_rank)


def language(accept_language: str | None, offers: Sequence[str]) -> str:
    """Choose among languages such as ``zh`` and ``en``; the first wins every tie."""
    return _best(_weights(accept_language or "*"), offers, _language_rank)


def _best(weights: dict[str, float], offers: Sequence[str], rank: _Rank) -> str:
    def quality(offer: str) -> float:
        fitting = [(rank(wanted, offer), q) for wanted, q in weights.items()]
        closest = max(fitting, default=(0, 0.0))
        return closest[1] if closest[0] else 0.0

    return max(offers, key=quality)


def _weights(header: str) -> dict[str, float]:
    """Read ``range;q=0.5`` members; other parameters do not matter here."""
    weights: dict[str, float] = {}
    for member in header.split(","):
        wanted, *parameters = (part.strip().lower() for part in member.split(";"))
        if wanted:
            weights[wanted] = max(weights.get(wanted, 0.0), _quality(parameters))
    return weights


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            value = value.strip()
            return float(value) if _QUALITY.fullmatch(value) else 0.0
    return 1.0


def _media_rank(wanted: str, offer: str) -> int:
    """Tell how closely a range fits: the closest one has the say (§12.5.1)."""
    if wanted == offer:
        return 3
    if wanted == f"{offer.partition('/')[0]}/*":
        return 2
    return 1 if wanted == "*/*" else 0


def _language_rank(wanted: str, offer: str) -> int:
    """Take ``zh-CN`` for ``zh`` (RFC 4647 §3.4, the other way round)."""
    if wanted == offer:
        return 3
    if wanted.startswith(f"{offer}-"):
        return 2
    return 1 if wanted == "*" else 0
