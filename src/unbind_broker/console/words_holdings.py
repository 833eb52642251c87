"""Words of the page of holdings."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.holdings": Words("持有记录", "Holdings"),
    "holdings.title": Words("号码持有记录", "Holdings"),
    "holdings.intro": Words(
        "各运营商告知的号码持有情况。两家说法冲突时订单会被暂停，核实后撤回错误的一条。",
        "What carriers told about who holds a number. Where they differ, orders are "
        "held; ask both, then take back what is wrong.",
    ),
    "holdings.number": Words("号码", "Number"),
    "holdings.number.hint": Words(
        "号码不会出现在网址或日志中；本次查找会被记录。",
        "It appears in no address and no log; the search is written down.",
    ),
    "holdings.number.wrong": Words("不是有效的手机号码。", "This is no mobile number."),
    "holdings.find": Words("查找", "Find"),
    "holdings.disputed": Words("查看暂停的订单", "Orders that are held"),
    "holdings.of": Words("{number} 的持有记录", "Holdings of {number}"),
    "holdings.none": Words(
        "没有 {number} 的持有记录。", "Nobody is known to have held {number}."
    ),
    "holdings.carrier": Words("运营商", "Carrier"),
    "holdings.since": Words("持有人起始日", "Holder since"),
    "holdings.began": Words("来源", "Known by"),
    "holdings.began.attested": Words("查询或订单声明", "a query or an order"),
    "holdings.began.activated": Words("开户", "activation"),
    "holdings.began.transferred": Words("过户", "transfer"),
    "holdings.began.ported_in": Words("携号转入", "porting in"),
    "holdings.began.resumed": Words("原持有人恢复", "the holder's return"),
    "holdings.until": Words("结束日", "Until"),
    "holdings.ended.superseded": Words("出现了新的持有人", "a later holder"),
    "holdings.ended.disconnected": Words("销户", "disconnected"),
    "holdings.ended.transferred": Words("过户", "transferred"),
    "holdings.ended.ported_out": Words("携号转出", "ported out"),
    "holdings.ended.taken_over": Words(
        "另一家称已转入", "another carrier says that it was ported"
    ),
    "holdings.confirmed": Words("最近确认", "Last told"),
    "holdings.state": Words("状态", "State"),
    "holdings.state.live": Words("有效", "Live"),
    "holdings.state.ended": Words("已结束", "Ended"),
    "holdings.state.retracted": Words("已撤回", "Taken back"),
    "holdings.retract": Words("撤回错误记录", "Take back a holding"),
    "holdings.retract.hint": Words(
        "先与运营商核实。撤回后，依据该记录的未完成订单将终止。",
        "Check with the carrier first. Open orders that rest on it end.",
    ),
    "holdings.retract.preview": Words("撤回…", "Take back…"),
    "holdings.retract.warning": Words(
        "依据该记录的查询和订单将立即终止，且不会自动恢复。",
        "Queries and orders that rest on it end at once, and do not come back.",
    ),
    "holdings.ending": Words("将终止的查询和订单", "Queries and orders that end"),
    "holdings.retracted": Words(
        "已撤回，终止了 {n} 个查询或订单。",
        "It is taken back; {n} queries or orders ended.",
    ),
    "holdings.retracted.again": Words(
        "已撤回，终止了 {n} 个查询或订单；先前的持有记录重新生效。",
        "It is taken back; {n} queries or orders ended, and the one before it lives "
        "again.",
    ),
}
