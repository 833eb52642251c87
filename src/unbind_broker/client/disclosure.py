"""What a shop tells the new holder of a number at contract time."""

from pydantic import AwareDatetime

from unbind_broker.client.shapes import Shape

PATH = "/v1/numbers/disclosure"


class Cleared(Shape):
    """How clear the number is, by your last clearance that had it."""

    state: str
    """``clean``, ``blocked``, ``partial``, ``withdrawn`` or ``none``."""
    clearance_id: str | None = None
    release: bool | None = None
    hold_until: AwareDatetime | None = None


class Notice(Shape):
    """Words for the new holder; lines are paragraphs."""

    zh: str
    en: str


class Disclosure(Shape):
    """What is known of a number; ``recycled`` is None where nothing is."""

    number: str
    """Masked by the broker."""
    recycled: bool | None = None
    clearance: Cleared
    notice: Notice
