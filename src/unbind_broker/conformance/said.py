"""How a rule ends that does not simply hold."""

from dataclasses import dataclass

from unbind_broker.base.errors import BrokerError
from unbind_broker.items.words import Words


class _Said(Exception):
    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(zh, en)


class Broken(_Said):
    """The rule does not hold; says what was seen. Never holds a number."""


class CannotTell(_Said):
    """The rule cannot be judged; says why."""


class CannotTry(BrokerError):
    """Nothing can be tried: nobody is there, or nobody who knows the secret."""

    code = "cannot-try"
    title = "The endpoint cannot be tried"

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


def spelled(text: str) -> str:
    """Write what an endpoint sent so that no terminal obeys it."""
    return "".join(
        letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text
    )


@dataclass(frozen=True)
class Noticed:
    """Something wrong that was seen in passing; ``code`` says of what kind it is."""

    code: str
    words: Words
