"""Words of the pages of the trail."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.audit": Words("审计日志", "Audit trail"),
    "audit.title": Words("审计日志", "Audit trail"),
    "audit.intro": Words(
        "谁在何时对谁做了什么，最新的在前。查看本页也会记入日志。",
        "Who did what to whom, the newest first. Reading it is written down as well.",
    ),
    "audit.sealing": Words("封存与校验", "Sealed and whole"),
    "audit.last_seal": Words("最新封印", "Newest seal"),
    "audit.unsealed": Words("尚未封存的事件", "Events not sealed yet"),
    "audit.late": Words(
        "封存滞后超过 1 分钟：请检查工作进程和长时间未结束的数据库事务。",
        "Sealing is more than a minute behind: look at the workers, and for database "
        "transactions that do not end.",
    ),
    "audit.verify": Words("校验最近的事件", "Verify the newest events"),
    "audit.verify.hint": Words(
        "校验最近约 {n} 条事件及其封印；完整校验请用命令行。",
        "Checks about the newest {n} events with their seals; the whole trail is "
        "checked by the command line.",
    ),
    "audit.export": Words("导出已封存的日志", "Download the sealed trail"),
    "audit.events": Words("事件", "Events"),
    "audit.event": Words("事件", "Event"),
    "audit.id": Words("编号", "Id"),
    "audit.seek": Words("查找与筛选", "Search and filter"),
    "audit.filter": Words("筛选", "Filter"),
    "audit.filter.none": Words("取消筛选", "Show all"),
    "audit.order": Words("查询或订单", "Query or order"),
    "audit.order.wrong": Words(
        "应为查询或订单的编号。", "Expected the id of a query or an order."
    ),
    "audit.actor": Words("操作者", "By whom"),
    "audit.actor.hint": Words(
        "例如 carrier:china-mobile、admin:1、broker",
        "Such as carrier:china-mobile, admin:1, broker",
    ),
    "audit.action": Words("动作", "Action"),
    "audit.action.hint": Words("例如 order.accepted", "Such as order.accepted"),
    "audit.text.wrong": Words(
        "号码请填入“号码”一栏。", "A number belongs into the field for numbers."
    ),
    "audit.after": Words("晚于", "Later than"),
    "audit.before": Words("早于", "Earlier than"),
    "audit.time.wrong": Words(
        "应为日期和时间，例如 2026-11-22T03:00。",
        "Expected a day and a time, such as 2026-11-22T03:00.",
    ),
    "audit.find": Words("按号码查找", "Find by number"),
    "audit.number": Words("号码", "Number"),
    "audit.number.hint": Words(
        "号码不会出现在网址或日志中；本次查找会被记录。",
        "It appears in no address and no log; the search is written down.",
    ),
    "audit.number.wrong": Words("不是有效的手机号码。", "This is no mobile number."),
    "audit.of_number": Words(
        "以下是该号码的事件。", "These are the events of that number."
    ),
    "audit.of_order": Words("此订单的全部事件", "All events of this order"),
    "audit.of_subject": Words("同一号码的全部事件", "All events of the same number"),
    "audit.at": Words("时间", "When"),
    "audit.facts": Words("内容", "Facts"),
    "audit.seal": Words("封印", "Seal"),
    "audit.not_yet": Words("尚未", "not yet"),
    "audit.none": Words("没有符合条件的事件。", "No event matches."),
    "audit.back": Words("返回审计日志", "Back to the trail"),
    "audit.verified": Words("校验结果", "Verification"),
    "audit.verified.good": Words(
        "未发现问题：事件与封印一致，签名有效，封印前后相连。",
        "No fault found: events are as they were sealed, signatures hold, and each "
        "seal follows the one before it.",
    ),
    "audit.verified.none": Words(
        "还没有封印可校验。", "There is no seal to check yet."
    ),
    "audit.verified.bad": Words("发现 {n} 处问题", "{n} faults found"),
    "audit.verified.bad.advice": Words(
        "请勿改动数据库，保留现场，并用别处保存的封印做完整校验。",
        "Leave the database as it is, and check the whole trail against the seals that "
        "are kept elsewhere.",
    ),
    "audit.verified.range": Words("封印范围", "Seals"),
    "audit.verified.seals": Words("已校验的封印", "Seals checked"),
    "audit.verified.events": Words("已校验的事件", "Events checked"),
    "audit.verified.faults": Words("问题", "Faults"),
    "audit.verified.fault": Words("问题", "Fault"),
    "audit.verified.detail": Words("详情", "Detail"),
    "audit.verified.whole": Words(
        "更早的封印未在此校验。完整校验：",
        "Older seals were not checked here. The whole trail is checked by:",
    ),
    "audit.fault.event_changed": Words("事件被改动", "Event changed"),
    "audit.fault.event_missing": Words("事件缺失", "Event missing"),
    "audit.fault.event_added": Words("多出事件", "Event added"),
    "audit.fault.event_reordered": Words("事件顺序被改动", "Event moved"),
    "audit.fault.seal_altered": Words("封印被改动", "Seal altered"),
    "audit.fault.seal_missing": Words("封印缺失", "Seal missing"),
    "audit.fault.cosignature_altered": Words("联署被改动", "Cosignature altered"),
    "audit.fault.cosignature_missing": Words("联署缺失", "Cosignature missing"),
    "audit.fault.key_unknown": Words("签名密钥未知", "Signed by an unknown key"),
    "audit.fault.history_rewritten": Words("历史被改写", "History rewritten"),
    "audit.fault.history_truncated": Words("历史被截断", "History cut short"),
    "audit.proof": Words("封存证明", "Proof"),
    "audit.proof.intro": Words(
        "由事件内容算出叶子，沿路径到树根，树根由封印签名。",
        "The event's bytes give the leaf, the path leads to the root, and the seal "
        "signs the root.",
    ),
    "audit.proof.proven": Words(
        "已证明：与封存时一致", "Proven: it is as it was sealed"
    ),
    "audit.proof.waiting": Words(
        "尚未封存，通常约 1 秒内完成", "Not sealed yet; that takes about a second"
    ),
    "audit.proof.altered": Words("与封存时不一致", "It is not as it was sealed"),
    "audit.proof.unsigned": Words(
        "封印的签名无效", "The signature of its seal does not hold"
    ),
    "audit.proof.sealed_at": Words("封存时间", "Sealed at"),
    "audit.proof.place": Words("位置", "Place"),
    "audit.proof.of": Words("第 {n} 个，共 {all} 个", "{n} of {all}"),
    "audit.proof.leaf": Words("叶子散列", "Leaf hash"),
    "audit.proof.root": Words("树根", "Root"),
    "audit.proof.key": Words("签名密钥", "Signing key"),
    "audit.proof.more": Words("离线核验所需数据", "What an offline check needs"),
    "audit.proof.canonical": Words("事件的规范字节", "The event's canonical bytes"),
    "audit.proof.path": Words("到树根的路径", "The path to the root"),
    "audit.proof.statement": Words("封印所签的内容", "What the seal signs"),
}
