"""One event of the trail, and the proof that it was sealed as it is."""

from fastapi import APIRouter, Response

from unbind_broker.audit.proofs import (
    EventNotAsSealed,
    EventNotSealed,
    Proof,
    prove,
)
from unbind_broker.audit.reading import find_event
from unbind_broker.audit.seals import is_signed
from unbind_broker.audit.signing_keys import public_keys
from unbind_broker.audit.tracing import trace
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.console.audit_rows import rows_of
from unbind_broker.console.problems import NotHere
from unbind_broker.console.visits import AuditVisit
from unbind_broker.orders.kinds import kinds_of

router = APIRouter(prefix="/console/audit/events", include_in_schema=False)


@router.get("/{event_id}")
async def show_event(visit: AuditVisit, event_id: str) -> Response:
    """Show an event and prove it: from its bytes to the signature of its seal."""
    found = parse_id(event_id, Prefix.EVENT)
    if found is None:
        raise NotHere("there is no event with this id")
    own = visit.desk.runtime.broker_key
    async with visit.desk.write() as db:
        read = await find_event(db, found)
        if read is None:
            raise NotHere("there is no event with this id")
        about = read.event.order_id
        kinds = {} if about is None else await kinds_of(db, [about])
        proof: Proof | None = None
        state = "proven"
        try:
            proof = await prove(db, found)
        except EventNotSealed:
            state = "waiting"
        except EventNotAsSealed:
            state = "altered"
        keys = {**await public_keys(db), own.key_id: own.public}
        await trace(db, visit.now, visit.actor, "proof", event=event_id.lower())
    if proof is not None and not is_signed(proof.seal, keys):
        state = "unsigned"
    (row,) = rows_of([read], kinds)
    return visit.page("audit_event.html", row=row, proof=proof, state=state)
