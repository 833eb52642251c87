"""Statuses, reasons and the like, in words that people read, Chinese and English."""

from collections.abc import Mapping
from typing import NamedTuple

from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)


class Words(NamedTuple):
    """The same thing in both languages."""

    zh: str
    en: str


KINDS: Mapping[OrderKind, Words] = {
    OrderKind.QUERY: Words("一键查询", "Query of bindings"),
    OrderKind.UNBIND: Words("一键解绑", "Unbinding"),
    OrderKind.RESTORE: Words("恢复绑定", "Restoring of bindings"),
}

SCOPES: Mapping[Scope, Words] = {
    Scope.PREVIOUS_OWNER: Words("前机主的绑定", "bindings of the former holder"),
    Scope.CURRENT_OWNER: Words("机主本人的绑定", "the holder's own bindings"),
}

ACTIONS: Mapping[Action, Words] = {
    Action.DETACH: Words("将号码与账号解除绑定", "Detach the number from accounts"),
    Action.CLOSE_ACCOUNT: Words("注销账号", "Close the accounts"),
}

ORDER_STATUSES: Mapping[OrderStatus, Words] = {
    OrderStatus.HELD: Words("暂缓处理", "Held"),
    OrderStatus.IN_PROGRESS: Words("处理中", "In progress"),
    OrderStatus.COMPLETED: Words("已办结", "Completed"),
    OrderStatus.CANCELLED: Words("已撤销", "Cancelled"),
}

HOLD_REASONS: Mapping[HoldReason, Words] = {
    HoldReason.UNDO_WINDOW: Words("撤回期内", "Within the time to undo it"),
    HoldReason.DISPUTED_HOLDING: Words(
        "号码归属存在争议", "Who holds the number is disputed"
    ),
    HoldReason.BRAKED: Words(
        "该运营商的解绑已暂停", "Unbinding is stopped for this carrier"
    ),
}

ITEM_STATUSES: Mapping[ItemStatus, Words] = {
    ItemStatus.QUEUED: Words("等待送达", "Not yet taken"),
    ItemStatus.ACKNOWLEDGED: Words("已接收", "Taken"),
    ItemStatus.IN_PROGRESS: Words("平台处理中", "The platform is working on it"),
    ItemStatus.ACTION_REQUIRED: Words("需机主配合", "The holder has to do something"),
    ItemStatus.BOUND: Words("存在绑定", "Bound"),
    ItemStatus.NOT_BOUND: Words("无绑定", "Nothing bound"),
    ItemStatus.UNBOUND: Words("已解绑", "Unbound"),
    ItemStatus.PARTLY_UNBOUND: Words("部分解绑", "Partly unbound"),
    ItemStatus.CLOSED: Words("账号已注销", "Account closed"),
    ItemStatus.RESTORED: Words("已恢复", "Restored"),
    ItemStatus.REFUSED: Words("未予办理", "Not done"),
    ItemStatus.EXPIRED: Words("逾期未答复", "No result by the deadline"),
    ItemStatus.UNDELIVERABLE: Words("未能送达", "Could not be delivered"),
    ItemStatus.CANCELLED: Words("已撤销", "Cancelled"),
}

REASONS: Mapping[Reason, Words] = {
    Reason.ASSETS_OR_LIABILITIES_OPEN: Words(
        "账号内有未结清的资产或债务",
        "The account holds assets or liabilities that are not settled",
    ),
    Reason.LEGAL_HOLD: Words(
        "依法须保留", "The account has to be kept for legal reasons"
    ),
    Reason.ACCOUNT_UNDER_INVESTIGATION: Words(
        "账号正在接受调查", "The account is under investigation"
    ),
    Reason.BOUND_AT_UNKNOWN: Words(
        "平台无法确定绑定时间，未作变动",
        "The platform does not know when the binding was made, so it was not touched",
    ),
    Reason.ACTIVE_AFTER_CUTOFF: Words(
        "入网日之后该账号仍用此号码验证，可能属于现机主",
        "The account was used with this number after the holder's first day, so it "
        "may be the present holder's own",
    ),
    Reason.SHARED_IDENTIFIER: Words(
        "多个账号或多人共用此号码", "Several accounts or people share this number"
    ),
    Reason.SUSPECTED_FRAUD: Words("疑似欺诈，暂不办理", "Fraud is suspected"),
    Reason.NOT_SUPPORTED: Words("平台不支持此操作", "The platform does not offer this"),
    Reason.OTHER: Words("其他原因", "Another reason"),
    Reason.BY_CARRIER: Words("运营商撤销", "Called back by the carrier"),
    Reason.SUPERSEDED: Words("号码已有新机主", "The number has a newer holder"),
    Reason.NUMBER_DISCONNECTED: Words("号码已销号", "The number was given up"),
    Reason.CARRIER_SUSPENDED: Words("运营商已被暂停", "The carrier is suspended"),
}

HOLDER_ACTIONS: Mapping[HolderAction, Words] = {
    HolderAction.CONFIRM_IN_APP: Words("在应用内确认", "Confirm in the app"),
    HolderAction.VERIFY_CODE: Words("输入验证码", "Enter a code"),
    HolderAction.CONTACT_SUPPORT: Words("联系平台客服", "Contact the platform"),
}
