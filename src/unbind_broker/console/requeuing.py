"""Have undeliverable items sent again, once it was shown what that would do."""

from collections.abc import Collection

from fastapi import Response

from unbind_broker.base.errors import InvalidFields
from unbind_broker.console.forms import Form
from unbind_broker.console.previews import Effect
from unbind_broker.console.visits import Visit
from unbind_broker.deliveries.undelivered_views import WantedItems
from unbind_broker.intake.requeueable import WhyNot
from unbind_broker.intake.requeuing import AskedRequeue, Requeued, requeue
from unbind_broker.items.item import ItemKey


async def ask_or_requeue(
    visit: Visit,
    form: Form,
    wanted: Collection[ItemKey] | WantedItems,
    back: str,
) -> Response:
    """Show what would be sent again, and why the rest would not; then send it."""
    async with visit.desk.write() as db:
        look = await requeue(db, visit.now, _asked(wanted, dry_run=True), visit.actor)
        if not look.count and not look.skipped:
            raise InvalidFields.at("/items", "none is chosen, or none is left")
        asks = visit.preview(form, _effect(visit, wanted, look, back))
        if asks is not None:
            return asks
        done = await requeue(db, visit.now, _asked(wanted, dry_run=False), visit.actor)
    said = "undeliverable.requeued.more" if done.more else "undeliverable.requeued"
    return visit.go(back, said, n=done.count)


def _asked(wanted: Collection[ItemKey] | WantedItems, *, dry_run: bool) -> AskedRequeue:
    all_of = wanted if isinstance(wanted, WantedItems) else None
    return AskedRequeue(
        named=None if isinstance(wanted, WantedItems) else wanted,
        wanted=all_of or WantedItems(),
        before=None,
        dry_run=dry_run,
        spread=None,
    )


def _effect(
    visit: Visit,
    wanted: Collection[ItemKey] | WantedItems,
    look: Requeued,
    back: str,
) -> Effect:
    whose = wanted.platform if isinstance(wanted, WantedItems) else None
    lines = [("undeliverable.platform", whose)] if whose else []
    lines.append(("undeliverable.sent", str(look.count)))
    lines += [
        (f"undeliverable.why.{reason}", str(look.skipped[reason]))
        for reason in WhyNot
        if look.skipped[reason]
    ]
    if look.more is not None:
        lines.append(("undeliverable.rest", visit.say("undeliverable.rest.more")))
    title = "undeliverable.requeue"
    return Effect(title, title, back, tuple(lines), "undeliverable.warning")
