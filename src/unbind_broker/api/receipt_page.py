"""A receipt as a page to read and to print, for the holder of the number.

One document holds both languages, one of which is shown: it can be handed on, saved and
switched without asking the broker again. It loads nothing and runs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from jinja2 import Environment

from unbind_broker.api.html_pages import environment, style
from unbind_broker.base.instants import parse_instant
from unbind_broker.items.receipt_content import ReceiptItem, ReceiptOrder
from unbind_broker.items.receipts import ReceiptPayload
from unbind_broker.items.states import OPEN, ItemStatus, Reason
from unbind_broker.items.words import (
    ACTIONS,
    ITEM_STATUSES,
    KINDS,
    ORDER_STATUSES,
    REASONS,
    SCOPES,
    Words,
)
from unbind_broker.orders.states import Action, OrderKind, OrderStatus, Scope

LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Group:
    """Platforms whose answers mean the same to the holder."""

    key: str
    title: Words
    explanation: Words
    statuses: frozenset[ItemStatus]


GROUPS = (
    Group(
        "done",
        ITEM_STATUSES[ItemStatus.UNBOUND],
        Words(
            "号码已与账号脱离，账号本身及其资产不受影响。",
            "The number is detached. The accounts and what is in them survive.",
        ),
        frozenset({ItemStatus.UNBOUND}),
    ),
    Group(
        "closed",
        ITEM_STATUSES[ItemStatus.CLOSED],
        Words("按机主要求注销。", "Closed as the holder asked."),
        frozenset({ItemStatus.CLOSED}),
    ),
    Group(
        "restored",
        ITEM_STATUSES[ItemStatus.RESTORED],
        Words("已恢复此前解除的绑定。", "What had been detached is attached again."),
        frozenset({ItemStatus.RESTORED}),
    ),
    Group(
        "found",
        ITEM_STATUSES[ItemStatus.BOUND],
        Words(
            "查询不改变任何绑定，如需解绑请另行申请。",
            "A query changes nothing; to have them detached, ask for unbinding.",
        ),
        frozenset({ItemStatus.BOUND}),
    ),
    Group(
        "partly",
        ITEM_STATUSES[ItemStatus.PARTLY_UNBOUND],
        Words(
            "部分绑定因所列原因保留。", "Some were kept, for the reason that is given."
        ),
        frozenset({ItemStatus.PARTLY_UNBOUND}),
    ),
    Group(
        "clean",
        ITEM_STATUSES[ItemStatus.NOT_BOUND],
        Words(
            "平台未发现需处理的绑定。", "The platforms found nothing in this period."
        ),
        frozenset({ItemStatus.NOT_BOUND}),
    ),
    Group(
        "refused",
        ITEM_STATUSES[ItemStatus.REFUSED],
        Words(
            "平台未办理，原因如下；可直接联系该平台。",
            "The platforms give these reasons; they can be contacted directly.",
        ),
        frozenset({ItemStatus.REFUSED}),
    ),
    Group(
        "overdue",
        Words("逾期", "Overdue"),
        Words(
            "截止前未得到结果；此后的答复会使本回执产生新版本。",
            "No result by the deadline. One that still comes makes a new version.",
        ),
        frozenset({ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE}),
    ),
    Group(
        "cancelled",
        ITEM_STATUSES[ItemStatus.CANCELLED],
        Words("在得到结果之前撤销。", "Called back before there was a result."),
        frozenset({ItemStatus.CANCELLED}),
    ),
    Group(
        "open",
        Words("处理中", "Not final"),
        Words("尚无最终结果。", "There is no final result yet."),
        OPEN,
    ),
)
"""Every status of an item stands in exactly one of them."""


@dataclass(frozen=True)
class Line:
    """One platform in its group."""

    name: Words
    status: Words
    reason: Words | None
    item: ReceiptItem

    @property
    def has_more(self) -> bool:
        """Tell whether there is more to say than the name of its group."""
        told = ("bindings", "removed", "kept", "reason", "detail", "restorable_until")
        late = self.item["late"] or self.item["status"] in _NOT_IN_TIME
        return late or "violation" in self.item or any(self.item[name] for name in told)  # type: ignore[literal-required] # its own fields


@dataclass(frozen=True)
class Signed:
    """A receipt to be shown, with what proves it."""

    payload: ReceiptPayload
    sha256: str
    key_id: str


def render(receipt: Signed, zone: ZoneInfo, first: str) -> str:
    """Write the page; ``first`` is the language that is shown at the beginning."""
    order, items = receipt.payload["order"], receipt.payload["items"]
    return _environment.get_template("receipt.html").render(
        css=_STYLE.css,
        policy=_STYLE.policy,
        first=first,
        languages=LANGUAGES,
        receipt=receipt.payload,
        order=order,
        kind=KINDS[OrderKind(order["kind"])],
        scope=SCOPES[Scope(order["scope"])],
        request=_request(order),
        status=ORDER_STATUSES[OrderStatus(order["status"])],
        carrier=Words(order["carrier_name"], order["carrier_name_en"]),
        groups=_grouped(items),
        proven=sum(item["evidence"] is not None for item in items),
        issued=datetime.fromtimestamp(receipt.payload["iat"], UTC),
        sha256=receipt.sha256,
        key_id=receipt.key_id,
        zone=zone,
    )


def _request(order: ReceiptOrder) -> Words:
    if order["kind"] == OrderKind.RESTORE:
        return Words("恢复此前解除的绑定", "Attach again what was detached")
    if order["action"] is None:
        return Words(
            "查询号码绑定了哪些账号", "Find out which accounts the number is bound to"
        )
    return ACTIONS[Action(order["action"])]


def _grouped(items: Sequence[ReceiptItem]) -> list[tuple[Group, list[Line]]]:
    lines: dict[str, list[Line]] = {}
    for item in items:
        lines.setdefault(_GROUP_OF[ItemStatus(item["status"])], []).append(_line(item))
    return [(group, lines[group.key]) for group in GROUPS if group.key in lines]


def _line(item: ReceiptItem) -> Line:
    reason = item["reason"]
    return Line(
        name=Words(item["platform_name"], item["platform_name_en"]),
        status=ITEM_STATUSES[ItemStatus(item["status"])],
        reason=None if reason is None else REASONS[Reason(reason)],
        item=item,
    )


_NOT_IN_TIME = frozenset({ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE})
_GROUP_OF: Mapping[ItemStatus, str] = {
    status: group.key for group in GROUPS for status in group.statuses
}
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def _say(language: str, zh: str, en: str) -> str:
    return zh if language == "zh" else en


def _day(at: date | str, language: str) -> str:
    day = date.fromisoformat(at) if isinstance(at, str) else at
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _moment(at: datetime | str, language: str, zone: ZoneInfo) -> str:
    read = parse_instant(at) if isinstance(at, str) else at
    if read is None:
        raise ValueError("expected an instant as receipts write it")
    local = read.astimezone(zone)
    space = " " if language == "zh" else ", "
    return f"{_day(local.date(), language)}{space}{local:%H:%M}"


def _offset(at: datetime, zone: ZoneInfo) -> str:
    written = f"{at.astimezone(zone):%z}"
    return f"UTC{written[:3]}:{written[3:]}"


def _made_environment() -> Environment:
    made = environment()
    made.globals["say"] = _say
    made.filters.update(day=_day, moment=_moment, offset=_offset)
    return made


_environment = _made_environment()
_STYLE = style(_environment, "receipt.css")
CONTENT_SECURITY_POLICY = _STYLE.header
