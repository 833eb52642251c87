"""Words of the page of the brake, and of the brake on other pages."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.brake": Words("刹车", "Brake"),
    "brake.intro": Words(
        "停止向平台发出解绑：新的解绑订单被拒绝，进行中的暂缓处理。查询和恢复订单照常进行。",
        "It stops unbinding: new unbind orders are refused, those under way are held. "
        "Queries and restore orders go on.",
    ),
    "brake.title": Words("解绑刹车", "Brake on unbinding"),
    "brake.off": Words(
        "未启用，解绑正常进行。", "Not engaged: unbinding goes on as usual."
    ),
    "brake.on": Words("已启用", "Engaged"),
    "brake.everybody": Words("全部运营商", "All carriers"),
    "brake.whose": Words("对象", "Whose"),
    "brake.since": Words("启用时间", "Since"),
    "brake.by": Words("启用者", "By"),
    "brake.why": Words("原因", "Why"),
    "brake.held": Words("暂缓处理的订单", "Orders held"),
    "brake.release": Words("解除刹车", "Release the brake"),
    "brake.release.preview": Words("预览解除", "Preview the release"),
    "brake.warning": Words(
        "暂缓处理的订单将继续发送给平台；已过办理期限的订单在此期间已逾期。",
        "The orders held go on to the platforms; those past their deadline have "
        "expired meanwhile.",
    ),
    "brake.released": Words("刹车已解除。", "The brake is released."),
    "brake.engaged": Words("刹车已启用。", "The brake is engaged."),
    "brake.engaged.before": Words(
        "该刹车此前已启用，未作改动。", "It was engaged already; nothing has changed."
    ),
    "brake.by.broker": Words("系统自动", "The broker itself"),
    "brake.reason.results": Words(
        "最近 {all} 个结果中有 {bad} 个越界，或因界限后仍有活动而被拒",
        "{bad} of the newest {all} results were violations, or refused as active after "
        "the cutoff",
    ),
    "brake.reason.findings": Words(
        "批量焕新最近 {all} 个发现中有 {bad} 个越界",
        "{bad} of the newest {all} findings of clearances were violations",
    ),
    "brake.orders": Words("查看这些订单", "Show these orders"),
    "brake.by_all": Words("由全局刹车暂缓", "Held by the brake on all"),
    "brake.going": Words("正在恢复", "About to go on"),
    "brake.would_hold": Words(
        "将暂缓处理的解绑订单（按期限最先的 20,000 个订单统计）",
        "Unbind orders that would be held (among the 20,000 orders due first)",
    ),
    "brake.goes_on": Words("将继续的订单", "Orders that go on"),
    "brake.stays": Words(
        "因另一刹车仍暂缓处理的订单", "Orders that another brake still holds"
    ),
    "brake.release.of": Words("解除刹车：{whose}", "Release the brake: {whose}"),
    "brake.release.hint": Words(
        "确认原因已消除后再解除。该运营商的结果将重新计数。",
        "Release it once its cause is gone. A carrier's results are counted anew.",
    ),
    "brake.manage": Words("启用或解除刹车", "Engage or release the brake"),
    "brake.stop": Words("启用刹车…", "Engage…"),
}
