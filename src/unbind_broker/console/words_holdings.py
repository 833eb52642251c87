"""Words of the page of holdings."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.holdings": Words("持有记录", "Holdings"),
    "holdings.title": Words("号码持有记录", "Holdings"),
    "holdings.intro": Words(
        "各运营商告知的号码持有情况。两家说法冲突时订单会暂缓处理，核实后撤回错误的一条。",
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
    "holdings.disputed": Words("查看暂缓处理的订单", "Orders that are held"),
    "holdings.disputes": Words("待核实的争议", "Disputes that wait"),
    "holdings.disputes.hint": Words(
        "两家运营商对持有人的说法不一致，较新的订单暂缓至下列时间。请向双方核实；"
        "不处理的，到时自动继续。",
        "Two carriers differ about who holds the number; the newer order is held until "
        "the time below. Ask both. What nobody decides goes on by then.",
    ),
    "holdings.disputes.none": Words("没有待核实的争议。", "There is no dispute."),
    "holdings.disputes.more": Words("还有更多：", "There are more:"),
    "holdings.order": Words("暂缓处理的订单", "Order held"),
    "holdings.says": Words("双方说法", "What was told"),
    "holdings.says.since": Words(
        "{carrier}：自 {since} 起持有", "{carrier}: holder since {since}"
    ),
    "holdings.goes_on": Words("自动继续", "Goes on by itself"),
    "holdings.look": Words("核实…", "Look into it…"),
    "holdings.look.of": Words("核实 {order}", "Look into {order}"),
    "holdings.back": Words("返回争议列表", "Back to the disputes"),
    "holdings.tell": Words("代运营商告知", "Tell in a carrier's name"),
    "holdings.tell.hint": Words(
        "仅在运营商书面确认后使用：携号转出或销户后未告知的，可在此代为告知，"
        "效力与其自行告知相同。",
        "Only what the carrier has confirmed: that the number was ported out, or "
        "disconnected, and it did not tell. It counts like its own word.",
    ),
    "holdings.tell.preview": Words("预览告知", "Preview what it does"),
    "holdings.tell.warning": Words(
        "持有即告结束，该持有人未完成的查询和订单将终止。有误时可撤回该记录，已终止的不会恢复。",
        "The holding ends, and so do the holder's open queries and orders. What proves "
        "wrong can be taken back; what has ended stays so.",
    ),
    "holdings.event": Words("事件", "Event"),
    "holdings.event.ported_out": Words("携号转出", "Ported out"),
    "holdings.event.disconnected": Words("销户", "Disconnected"),
    "holdings.on": Words("发生日期", "On"),
    "holdings.told": Words(
        "已代 {carrier} 告知，终止了 {n} 个查询或订单。",
        "Told in the name of {carrier}; queries and orders ended: {n}.",
    ),
    "holdings.told.before": Words(
        "{carrier} 此前已告知，未作改动。",
        "{carrier} told it before; nothing has changed.",
    ),
    "holdings.told.rejected": Words(
        "未告知，与已知情况矛盾（{carrier}）：{why}",
        "Nothing was told, it is against what is known ({carrier}): {why}",
    ),
    "holdings.rejected.holding-unknown": Words(
        "没有该运营商对此号码的持有记录。",
        "No holding of this carrier is known for the number.",
    ),
    "holdings.rejected.holding-elsewhere": Words(
        "另一家运营商持有或近期持有此号码。",
        "Another carrier holds the number, or held it lately.",
    ),
    "holdings.rejected.holding-newer-known": Words(
        "已有晚于该日期的情况。", "Something newer than this day is known."
    ),
    "holdings.rejected.holding-ended": Words(
        "该持有已在另一日期或以另一方式结束。",
        "The holding has ended already: on another day, or in another way.",
    ),
    "holdings.rejected.holding-contradicted": Words(
        "与该运营商先前所述同一持有人的情况矛盾。",
        "It is against what the carrier told before of the same holder.",
    ),
    "holdings.rejected.freeze-over": Words(
        "原持有人只能在冷冻期内恢复。",
        "A former holder can come back only within the freeze.",
    ),
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
        "It is taken back; queries and orders ended: {n}.",
    ),
    "holdings.retracted.again": Words(
        "已撤回，终止了 {n} 个查询或订单；先前的持有记录重新生效。",
        "It is taken back, and the one before it lives again; queries and orders "
        "ended: {n}.",
    ),
}
