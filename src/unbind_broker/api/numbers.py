"""The numbers that callers name: whose they may be, and where they are filed."""

from unbind_broker.api.callers import carrier_of
from unbind_broker.api.context import Context
from unbind_broker.api.order_bodies import read_number
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.intake.rehearsing import require_made_up
from unbind_broker.keys.service import Caller
from unbind_broker.keys.tables import Role


def read_own_number(context: Context, caller: Caller, text: str) -> PhoneNumber:
    """Read a number that a carrier names.

    Raises ``InvalidFields``, and ``SandboxNumber`` where it rehearses.
    """
    number = read_number(text, context.settings.region)
    if caller.sandbox:
        require_made_up(number)
    return number


def index_for(context: Context, caller: Caller) -> BlindIndex:
    """Give the index by which the numbers that this caller names are filed.

    Each carrier's rehearsals have their own, so that they meet nothing else.
    """
    index = context.runtime.blind_index
    if caller.sandbox and caller.role is Role.CARRIER:
        return index.rehearsed_by(carrier_of(caller))
    return index
