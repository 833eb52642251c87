"""``unbind-broker receipt``: check what the broker signed, offline."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from unbind_broker.api.receipt_shown import ItemStated
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.cli.listing import show
from unbind_broker.cli.options import AsJson
from unbind_broker.cli.receipt_checking import Checked, check_receipt, read_keys
from unbind_broker.cli.receipt_evidence import Proven, check_evidence, read_evidence
from unbind_broker.items.words import ITEM_STATUSES, KINDS, ORDER_STATUSES, REASONS

app = typer.Typer(help="Check what the broker signed.", add_completion=False)

_STDIN = Path("-")


@app.callback()
def receipt() -> None:
    """Check what the broker signed."""


@app.command()
def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The receipt; - is standard input.")
    ],
    jwks: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The broker's keys, from /.well-known/jwks.json."
        ),
    ],
    evidence: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Signed reports, from GET /v1/audit/orders/{id}/evidence; may be "
            "given repeatedly. Then every digest that the receipt states must be "
            "among them.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a receipt and tell what it states. Needs no database and no settings."""
    checked = check_receipt(_read(file), read_keys(jwks.read_bytes()))
    given = [one for path in evidence or () for one in read_evidence(_read(path))]
    proven = check_evidence(checked.stated, given) if evidence else None
    if as_json:
        print(json.dumps(_document(checked, proven), ensure_ascii=False, indent=2))
    else:
        _tell(checked, proven)


def _read(path: Path) -> bytes:
    return sys.stdin.buffer.read() if path == _STDIN else path.read_bytes()


def _document(checked: Checked, proven: list[Proven] | None) -> dict[str, object]:
    return {
        "valid": True,
        "key_id": checked.key_id,
        "sha256": checked.sha256,
        "evidence": None if proven is None else [vars(one) for one in proven],
        "receipt": checked.stated.model_dump(mode="json", exclude_unset=True),
    }


def _tell(checked: Checked, proven: list[Proven] | None) -> None:
    stated, order = checked.stated, checked.stated.order
    facts = {
        "receipt": f"valid, version {stated.version} of {order.id}",
        "sha256": checked.sha256,
        "signed by": f"{stated.iss}, key {checked.key_id}",
        "about": f"{KINDS[order.kind].en}, {order.number}, {order.carrier_name_en}",
        "status": ORDER_STATUSES[order.status].en,
        "deadline": show_instant(order.deadline),
        "completed": show_instant_or_null(order.completed_at) or "-",
        "sensitive": f"{stated.sensitive.finished} of {stated.sensitive.total}",
        "audit seal": "-",
    }
    if stated.audit is not None:
        facts["audit seal"] = f"{stated.audit.seal}, root {stated.audit.root}"
    if proven is not None:
        facts["evidence"] = f"{len(proven)} signed, all of them hold"
    for name, fact in facts.items():
        print(f"{name + ':':<12}{_plain(fact)}")
    keys = {one.platform: one.public_key for one in proven or ()}
    if stated.items:
        print()
        show([_row(item, keys) for item in stated.items], as_json=False)


def _row(item: ItemStated, keys: dict[str, str]) -> dict[str, object]:
    stated = "-" if item.evidence is None else "digest"
    counts = (("found", item.bindings), ("removed", item.removed), ("kept", item.kept))
    told = [f"{count} {name}" for name, count in counts if count]
    if item.reason is not None:
        told.append(REASONS[item.reason].en)
    if item.detail is not None:
        told.append(f"“{item.detail}”")
    if item.late:
        told.append("late")
    return {
        "platform": _plain(item.platform),
        "outcome": ITEM_STATUSES[item.status].en,
        "evidence": keys.get(item.platform, stated),
        "told": _plain(", ".join(told)) or "-",
    }


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
