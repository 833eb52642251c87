"""What cannot be taken back is shown first, and then done as it was shown."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from unbind_broker.base.sealing import Sealer
from unbind_broker.console.forms import PROOF, Form
from unbind_broker.console.sessions import seal, unseal

VALID = timedelta(hours=1)
_CONTEXT = b"preview"


@dataclass(frozen=True)
class Effect:
    """What an action would do: ``title``, ``confirm`` and the names are words' keys.

    The lines are what is compared between preview and act. What changes by itself,
    such as ages and counts of what is under way, belongs into the ``figures``, which
    are only shown. ``back`` is where the reader goes instead.
    """

    title: str
    confirm: str
    back: str
    lines: tuple[tuple[str, str], ...]
    warning: str | None = None
    figures: tuple[tuple[str, str], ...] = ()


class Shown(Enum):
    """How a form stands to the preview of it."""

    NOT_YET = auto()
    OUTDATED = auto()
    """Something else was shown, or too long ago."""
    CONFIRMED = auto()


def prove(
    sealer: Sealer, form: Form, effect: Effect, whose: tuple[str, str], now: datetime
) -> str:
    """Write what was shown, for the form that confirms it.

    ``whose`` is the path of the action and the token of the login.
    """
    until = int((now + VALID).timestamp())
    digest = _digest(form, effect, whose)
    return seal(sealer, {"digest": digest, "until": until}, _CONTEXT)


def judge(
    sealer: Sealer, form: Form, effect: Effect, whose: tuple[str, str], now: datetime
) -> Shown:
    """Tell whether a form confirms exactly this effect."""
    if not form.text(PROOF):
        return Shown.NOT_YET
    proof = unseal(sealer, form.text(PROOF), _CONTEXT)
    if proof is None or int(str(proof["until"])) <= now.timestamp():
        return Shown.OUTDATED
    same = proof["digest"] == _digest(form, effect, whose)
    return Shown.CONFIRMED if same else Shown.OUTDATED


def _digest(form: Form, effect: Effect, whose: tuple[str, str]) -> str:
    content = [whose, sorted(form.kept.items()), effect.title, effect.lines]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
