"""The form of an action, as routes take it."""

from typing import Annotated

from fastapi import Depends

from unbind_broker.base.database import Db
from unbind_broker.console.forms import (
    ONCE,
    Form,
    FormSentBefore,
    UnreadableForm,
    read_form,
    require_token,
)
from unbind_broker.console.visits import Visit, any_visit, signed_in
from unbind_broker.keys.spent import spend


async def _posted(visit: Annotated[Visit, Depends(signed_in)]) -> Form:
    form = await read_form(visit.request)
    require_token(form, visit.token)
    return form


async def _posted_by_anybody(visit: Annotated[Visit, Depends(any_visit)]) -> Form:
    return await read_form(visit.request)


async def require_first(db: Db, visit: Visit, form: Form) -> None:
    """Raise ``FormSentBefore`` where this very form has been acted on already.

    It is acted on when ``db`` commits; the same form is waited for till then.
    """
    once, session = form.text(ONCE), visit.session
    if not once or session is None:
        raise UnreadableForm("it lacks what its page puts into it")
    if not await spend(db, f"{session.token}.{once}", session.lasts_until):
        raise FormSentBefore("it was sent twice, and acted on the first time")


Posted = Annotated[Form, Depends(_posted)]
"""A form that a page of this very login sent."""
PostedByAnybody = Annotated[Form, Depends(_posted_by_anybody)]
"""A form that one of these pages sent, before anybody is signed in."""
