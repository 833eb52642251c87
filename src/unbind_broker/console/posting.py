"""The form of an action, as routes take it."""

from typing import Annotated

from fastapi import Depends

from unbind_broker.console.forms import Form, read_form, require_token
from unbind_broker.console.visits import Visit, any_visit, signed_in


async def _posted(visit: Annotated[Visit, Depends(signed_in)]) -> Form:
    form = await read_form(visit.request)
    require_token(form, visit.token)
    return form


async def _posted_by_anybody(visit: Annotated[Visit, Depends(any_visit)]) -> Form:
    return await read_form(visit.request)


Posted = Annotated[Form, Depends(_posted)]
"""A form that a page of this very login sent."""
PostedByAnybody = Annotated[Form, Depends(_posted_by_anybody)]
"""A form that one of these pages sent, before anybody is signed in."""
