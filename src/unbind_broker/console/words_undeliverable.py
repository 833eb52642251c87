"""Words of the page of items that no platform took."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.undeliverable": Words("未能送达", "Undeliverable"),
    "undeliverable.title": Words("未能送达的明细", "Undeliverable items"),
    "undeliverable.intro": Words(
        "平台拒收，或期限前始终未接收。平台修复后可重新发送。",
        "Their platform refused them, or did not take them by the deadline. Once it is "
        "mended they can be sent again.",
    ),
    "undeliverable.counts": Words("按平台和原因", "By platform and cause"),
    "undeliverable.counted": Words(
        "只统计最新的 {n} 条。", "The newest {n} are counted."
    ),
    "undeliverable.platform": Words("平台", "Platform"),
    "undeliverable.cause": Words("原因", "Cause"),
    "undeliverable.cause.refused": Words("平台拒收", "Refused for good"),
    "undeliverable.cause.overdue": Words("期限前未接收", "Not taken by the deadline"),
    "undeliverable.n": Words("条数", "Items"),
    "undeliverable.since": Words("最早", "Since"),
    "undeliverable.last": Words("最近", "Last"),
    "undeliverable.act": Words("操作", "Action"),
    "undeliverable.requeue": Words("重新发送", "Send again"),
    "undeliverable.requeue.preview": Words("全部重新发送…", "Send all again…"),
    "undeliverable.requeue.of": Words(
        "重新发送 {platform} 的全部明细", "Send all of {platform} again"
    ),
    "undeliverable.requeue.picked": Words(
        "重新发送选中的…", "Send the chosen ones again…"
    ),
    "undeliverable.chosen": Words("仅显示平台：{platform}", "Only of {platform}"),
    "undeliverable.list": Words("明细", "Items"),
    "undeliverable.pick": Words("选择", "Choose"),
    "undeliverable.pick.of": Words(
        "选择 {item}，平台 {platform}", "Choose {item} at {platform}"
    ),
    "undeliverable.at": Words("发生时间", "Since"),
    "undeliverable.again": Words("可否重新发送", "Can it be sent again"),
    "undeliverable.possible": Words("可以", "Yes"),
    "undeliverable.none": Words(
        "没有未能送达的明细。", "There is no undeliverable item."
    ),
    "undeliverable.parked": Words("暂停发送的平台", "Platforms that get nothing"),
    "undeliverable.parked.intro": Words(
        "这些平台的明细会一直等待，直到平台恢复或订单到期；到期后即为未能送达。",
        "Their items wait until they get them again, or until the orders' deadlines: "
        "then they are undeliverable.",
    ),
    "undeliverable.parked.since": Words("起始时间", "Since"),
    "undeliverable.parked.open": Words("未完成的明细", "Open items"),
    "undeliverable.parked.paused": Words("已暂停发送", "Paused"),
    "undeliverable.parked.disabled": Words("已停用", "Disabled"),
    "undeliverable.sent": Words("将重新发送", "Would be sent again"),
    "undeliverable.rest": Words("其余", "The rest"),
    "undeliverable.rest.more": Words(
        "一次最多 1000 条，之后请再操作一次",
        "1,000 go at once; do it again for the rest",
    ),
    "undeliverable.warning": Words(
        "平台会再次收到这些请求，明细编号不变；订单恢复为处理中。",
        "The platforms get these requests again under the same item ids; the orders "
        "are in progress again.",
    ),
    "undeliverable.requeued": Words("已重新发送 {n} 条。", "Sent {n} again."),
    "undeliverable.requeued.more": Words(
        "已重新发送 {n} 条，还有其余，请再操作一次。",
        "Sent {n} again. There are more: do it once more.",
    ),
    "undeliverable.why.not-undeliverable": Words(
        "跳过：已不在未送达之列", "Skipped: undeliverable no longer"
    ),
    "undeliverable.why.number-destroyed": Words(
        "跳过：号码已销毁", "Skipped: the number is destroyed"
    ),
    "undeliverable.why.order-cancelled": Words(
        "跳过：订单已撤销", "Skipped: the order was called back"
    ),
    "undeliverable.why.deadline-passed": Words(
        "跳过：已过办理期限", "Skipped: past the order's deadline"
    ),
    "undeliverable.why.superseded": Words(
        "跳过：号码已有新机主", "Skipped: the number has a later holder"
    ),
    "undeliverable.why.number-disconnected": Words(
        "跳过：号码已销号", "Skipped: the number was given up"
    ),
    "undeliverable.why.order-restored": Words(
        "跳过：订单已申请恢复", "Skipped: the order was to be undone"
    ),
    "undeliverable.why.carrier-suspended": Words(
        "跳过：运营商已被暂停", "Skipped: the carrier is suspended"
    ),
    "undeliverable.why.carrier-braked": Words(
        "跳过：该运营商的解绑已刹车", "Skipped: the carrier's unbinding is stopped"
    ),
    "undeliverable.why.platform-suspended": Words(
        "跳过：平台已被暂停或无已验证的接收端",
        "Skipped: the platform is suspended, or has no verified endpoint",
    ),
    "undeliverable.why.joined": Words(
        "跳过：相同请求已在另一订单中",
        "Skipped: an equal item of another order is on its way",
    ),
}
