"""Words of the page of violations."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.violations": Words("越界解绑", "Violations"),
    "violations.title": Words("越界解绑", "Violations"),
    "violations.intro": Words(
        "平台解除了订单区间之外的绑定。系统会自动要求平台恢复；未能要求的需人工联系。",
        "Platforms removed bindings outside the interval of an order. They are asked "
        "to undo it; where they could not be asked, call them.",
    ),
    "violations.raised": Words("发现时间", "Found"),
    "violations.carrier": Words("运营商", "Carrier"),
    "violations.platform": Words("平台", "Platform"),
    "violations.filter": Words("筛选", "Filter"),
    "violations.filter.none": Words("取消筛选", "Show all"),
    "violations.about": Words("订单或焕新", "Order or clearance"),
    "violations.place": Words("第 {n} 个号码", "number {n}"),
    "violations.what": Words("平台答复", "What it said"),
    "violations.removed": Words("解除 {n} 个", "{n} removed"),
    "violations.bound": Words("最晚绑定时间", "Newest was bound"),
    "violations.allowed": Words("允许区间：", "allowed:"),
    "violations.undoing": Words("恢复情况", "Undoing"),
    "violations.not_asked": Words("未能要求恢复", "could not be asked"),
    "violations.braked": Words("已刹车", "braked"),
    "violations.none": Words("没有越界解绑。", "There is no violation."),
}
