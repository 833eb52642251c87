"""What a page says, in both languages."""

from typing import Literal, NamedTuple

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


class Words(NamedTuple):
    """The same thing in both languages; ``{name}`` stands for a value."""

    zh: str
    en: str
