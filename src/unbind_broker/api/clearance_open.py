"""Clearances as platforms find them that are not done with them."""

from typing import Any

from pydantic import Field

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.pages import Page
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant
from unbind_broker.clearances.listing import OpenClearance
from unbind_broker.clearances.states import ClearanceStatus


class OpenClearanceShown(AnswerModel):
    """A clearance that was published to you, and that you are not done with."""

    id: str = Field(examples=["clr_01kb2x5c7zf3v8h1m4n6p9q2rs"])
    carrier: str = Field(examples=["china-mobile"])
    status: ClearanceStatus = Field(
        examples=["in_progress"],
        description="`stopped`: leave it alone until it goes on. `completed`: you are "
        "late, and still waited for.",
    )
    deadline: ShownInstant
    numbers: int = Field(examples=[1000], description="Of the waves below.")
    waves: list[int] = Field(
        examples=[[1]], description="Those that you are not done with."
    )
    manifest: str = Field(
        examples=["/v1/clearances/clr_01kb2x5c7zf3v8h1m4n6p9q2rs/manifest"]
    )


class OpenClearancePage(Page[OpenClearanceShown]):
    """For platforms: clearances that they are not done with, newest first."""


def show_open(one: OpenClearance) -> dict[str, Any]:
    """Show one to its platform."""
    written = format_id(Prefix.CLEARANCE, one.id)
    return {
        "id": written,
        "carrier": one.carrier,
        "status": one.status,
        "deadline": show_instant(one.deadline),
        "numbers": one.numbers,
        "waves": list(one.waves),
        "manifest": f"/v1/clearances/{written}/manifest",
    }
