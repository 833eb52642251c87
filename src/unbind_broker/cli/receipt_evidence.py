"""Check the platforms' signed reports behind a receipt, as auditors are given them."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from unbind_broker.api.evidence import EvidenceShown
from unbind_broker.api.receipt_shown import EvidenceStated, ItemStated, ReceiptStated
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    check_v1a,
)
from unbind_broker.base.signing_keys import PublicKey
from unbind_broker.cli.receipt_checking import ReceiptWrong
from unbind_broker.items.receipt_content import shown_webhook_id

_GIVEN: TypeAdapter[list[EvidenceShown]] = TypeAdapter(list[EvidenceShown])


@dataclass(frozen=True)
class Proven:
    """A platform's report that fits the receipt, and the key that signed it.

    Whether the key is the platform's own is for the reader to compare.
    """

    platform: str
    public_key: str


@dataclass(frozen=True)
class _Report:
    given: EvidenceShown
    body: bytes
    signed_at: datetime


def read_evidence(text: bytes) -> list[EvidenceShown]:
    """Read a page of evidence as the API answers it, or a bare list."""
    try:
        document = json.loads(text)
        given = document["data"] if isinstance(document, dict) else document
        return _GIVEN.validate_python(given)
    except (ValueError, RecursionError, KeyError, ValidationError):
        raise ReceiptWrong(
            "the evidence file is not what GET /v1/audit/orders/{id}/evidence answers"
        ) from None


def check_evidence(
    stated: ReceiptStated, given: Iterable[EvidenceShown]
) -> list[Proven]:
    """Check each report by itself, then that all the receipt's digests are there.

    Reports of platforms that a receipt never names are checked as well, and otherwise
    passed over. Raises ``ReceiptWrong`` at the first fault.
    """
    reports = {(one.platform, one.sha256): _checked(one) for one in given}
    proven = []
    for item in stated.items:
        if item.evidence is None:
            continue
        report = reports.get((item.platform, item.evidence.sha256))
        if report is None:
            raise ReceiptWrong(
                f"{item.platform}: no evidence given has the digest that it states"
            )
        _require_match(item, item.evidence, report, stated.order.id)
        proven.append(Proven(item.platform, report.given.public_key))
    return proven


def _checked(given: EvidenceShown) -> _Report:
    if given.body is None:
        raise ReceiptWrong(f"{given.platform}: its report is not kept any more")
    try:
        body = b64decode(given.body, validate=True)
    except ValueError:
        raise ReceiptWrong(f"{given.platform}: its body is not base64") from None
    if hashlib.sha256(body).hexdigest() != given.sha256:
        raise ReceiptWrong(f"{given.platform}: the body does not have its digest")
    headers = {
        ID_HEADER: given.webhook_id,
        TIMESTAMP_HEADER: given.timestamp,
        SIGNATURE_HEADER: given.signature,
    }
    try:
        message = check_v1a(PublicKey.parse(given.public_key), headers, body)
    except BrokerError as error:
        raise ReceiptWrong(f"{given.platform}: {error.detail}") from None
    return _Report(given, body, message.signed_at)


def _require_match(
    item: ItemStated, stated: EvidenceStated, report: _Report, order_id: str
) -> None:
    given = report.given
    if (shown_webhook_id(given.webhook_id), report.signed_at) != (
        stated.webhook_id,
        stated.signed_at,
    ):
        raise ReceiptWrong(
            f"{item.platform}: the receipt states another webhook-id or time"
        )
    names = {order_id, given.item}
    said = {line.get("outcome") for line in _lines(report) if line.get("id") in names}
    if item.status.value not in said:
        raise ReceiptWrong(
            f"{item.platform}: its report does not say {item.status.value} of this item"
        )


def _lines(report: _Report) -> Sequence[Mapping[str, object]]:
    try:
        lines = json.loads(report.body)["results"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ()
    if not isinstance(lines, list):
        return ()
    return [line for line in lines if isinstance(line, dict)]
