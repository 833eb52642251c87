"""Words of the page of one platform, and of what is done there."""

from unbind_broker.console.wording import Words

WORDS = {
    "platform.back": Words("全部平台", "All platforms"),
    "platform.back_to_it": Words("返回此平台", "Back to the platform"),
    "platform.stands": Words("当前状态", "How it stands"),
    "platform.stands.since": Words("起始时间", "Since"),
    "platform.failures": Words("连续失败次数", "Failures in a row"),
    "platform.probe": Words("下次试探", "Next request that tries"),
    "platform.paused_by": Words("暂停方", "Paused by"),
    "platform.paused_by.owner": Words("平台自己", "the platform itself"),
    "platform.paused_by.admin": Words("管理员", "the administrators"),
    "platform.attempts": Words("最近的请求", "Newest requests"),
    "platform.attempts.of": Words("发往 {name} 的请求", "Requests to {name}"),
    "platform.attempts.older": Words("更早的请求", "Older requests"),
    "platform.attempts.none": Words(
        "还没有向此平台发送过请求。", "Nothing was sent to this platform yet."
    ),
    "platform.history": Words("状态变化", "What happened"),
    "platform.history.none": Words(
        "没有状态变化记录。", "It was never in trouble, as far as is known."
    ),
    "platform.event": Words("变化", "Event"),
    "platform.detail": Words("原因", "Why"),
    "platform.event.degraded": Words("时好时坏", "Fails often"),
    "platform.event.open": Words("熔断", "Cut off"),
    "platform.event.recovered": Words("恢复", "Recovered"),
    "platform.event.disabled": Words("停用", "Disabled"),
    "platform.plots": Words("趋势", "Over time"),
    "platform.latency": Words("每次请求用时（毫秒）", "Time of each request, ms"),
    "platform.latency.desc": Words(
        "最近 {n} 次请求，最长 {most} 毫秒；未获回应的请求留空。",
        "The newest {n} requests, {most} ms at most; those without an answer are gaps.",
    ),
    "platform.punctuality": Words("每日按时率（%）", "In time by day, %"),
    "platform.punctuality.desc": Words(
        "最近 {days} 天，按订单办结日统计。",
        "The last {days} days, by the day on which orders ended.",
    ),
    "platform.refusals": Words(
        "{days} 天内未予办理的原因", "Why it refused, last {days} days"
    ),
    "platform.refusals.none": Words(
        "最近 {days} 天内没有拒绝。", "It refused nothing in the last {days} days."
    ),
    "platform.refusal": Words("原因", "Reason"),
    "platform.refusal.count": Words("条数", "Items"),
    "platform.endpoint": Words("接收端", "Endpoint"),
    "platform.endpoint.none": Words(
        "此平台尚未登记接收端。请平台用自己的密钥登记。",
        "It has registered no endpoint. The platform does that with its own key.",
    ),
    "platform.endpoint.delivery": Words("接收方式", "Delivery"),
    "platform.delivery.push": Words("由本服务推送", "The broker posts"),
    "platform.delivery.pull": Words("平台自行拉取", "The platform fetches"),
    "platform.endpoint.host": Words("主机", "Host"),
    "platform.endpoint.pending": Words("待验证的主机", "Host to be verified"),
    "platform.endpoint.verified": Words("验证时间", "Verified"),
    "platform.endpoint.limits": Words("限额", "Limits"),
    "platform.endpoint.limits.value": Words(
        "每批 {batch} 条，并发 {at_once}，每秒请求 {rate}",
        "{batch} items a request, {at_once} at once, requests a second: {rate}",
    ),
    "platform.endpoint.key": Words("结果签名", "Signed results"),
    "platform.endpoint.key.yes": Words("必须签名", "required"),
    "platform.endpoint.key.no": Words("不要求", "not required"),
    "platform.endpoint.old_secret": Words("旧密钥有效至", "Old secret signs until"),
    "platform.deeds": Words("操作", "What can be done"),
    "platform.deeds.intro": Words(
        "每项操作都会先显示预览，并记入审计日志。",
        "Each shows first what it would do, and is kept in the audit trail.",
    ),
    "platform.preview": Words("预览：{deed}", "Preview: {deed}"),
    "platform.pause": Words("暂停发送", "Pause sending"),
    "platform.pause.warning": Words(
        "不再向此平台发送任何请求，直到管理员恢复；待发明细保留至各自期限。",
        "Nothing is sent to it until administrators resume; items wait until their own "
        "deadline.",
    ),
    "platform.paused": Words("已暂停向此平台发送。", "Nothing is sent to it any more."),
    "platform.resume": Words("恢复发送", "Resume sending"),
    "platform.resume.warning": Words(
        "立即发送所有等待中的明细，并从头判断平台的健康状况。",
        "Everything that waited goes out at once, and its health is judged anew.",
    ),
    "platform.resume.owner": Words(
        "此接收端由平台自己暂停，只能由平台恢复。",
        "The platform itself paused it, and alone resumes it.",
    ),
    "platform.resumed": Words("已恢复向此平台发送。", "It is sent to again."),
    "platform.suspend": Words("停止派单", "Suspend the platform"),
    "platform.suspend.warning": Words(
        "不再为此平台生成新明细；已有明细继续发送，仍接受其结果。",
        "No new items are made for it; those there are go on, and their results are "
        "taken.",
    ),
    "platform.suspended": Words("已停止向此平台派单。", "The platform is suspended."),
    "platform.readmit": Words("恢复派单", "Readmit the platform"),
    "platform.readmit.warning": Words(
        "此后的新订单将再次为此平台生成明细；停止期间的订单不会补派。",
        "New orders make items for it again; orders of the meantime do not.",
    ),
    "platform.readmitted": Words(
        "已恢复向此平台派单。", "The platform gets items again."
    ),
    "platform.undeliverable": Words("未能送达：{n} 条", "Undeliverable items: {n}"),
    "platform.undeliverable.list": Words("查看列表", "Look at them"),
    "platform.undeliverable.none": Words(
        "没有未能送达的明细。", "There is no undeliverable item."
    ),
    "platform.cause": Words("未送达原因", "Why they could not be delivered"),
    "cause.refused": Words("平台拒收请求", "The platform refused the request"),
    "cause.overdue": Words("送达前已过期限", "The deadline passed before it was taken"),
    "platform.requeue": Words("重新发送未送达明细", "Send undeliverable items again"),
    "platform.redeliver": Words("补发已发送的请求", "Send again what was sent"),
    "platform.redeliver.warning": Words(
        "平台丢失数据时使用：把此后发送且未办结的内容再发一次，最多分摊在一小时内。",
        "For a platform that lost its data: what was sent since then and is not "
        "finished goes out again, within an hour.",
    ),
    "platform.redeliver.since": Words("起始时间", "Since"),
    "platform.redeliver.hint": Words(
        "时区：{zone}；最多 30 天前。", "Zone: {zone}; at most 30 days ago."
    ),
    "platform.redeliver.scheduled": Words("将补发", "Would go out again"),
    "platform.redeliver.none": Words(
        "自该时刻起没有可补发的内容，未作改动。",
        "Nothing that was sent since then can go out again; nothing has changed.",
    ),
    "platform.redelivered": Words("将补发 {n} 条。", "What goes out again: {n}."),
    "platform.redelivered.more": Words(
        "将补发 {n} 条；一次最多 100,000 条，请从更晚的时间再次执行。",
        "What goes out again: {n}, the oldest (100,000 at most); do it again from "
        "later.",
    ),
    "sent.at": Words("时间", "Time"),
    "sent.outcome": Words("结果", "What came of it"),
    "sent.type": Words("类型", "Type"),
    "sent.count": Words("条数", "Items"),
    "sent.took": Words("用时", "Took"),
    "sent.answer": Words("回应开头", "Head of the answer"),
    "sent.replay": Words("补发", "sent again"),
    "sent.dns": Words("DNS", "DNS"),
    "sent.connect": Words("连接", "connect"),
    "sent.tls": Words("TLS", "TLS"),
    "sent.first_byte": Words("首字节", "first byte"),
    "outcome.accepted": Words("已接收", "Taken"),
    "outcome.gone": Words("地址已撤销", "Gone"),
    "outcome.payload_refused": Words("拒收内容", "Content refused"),
    "outcome.throttled": Words("繁忙或暂不可用", "Busy or unavailable"),
    "outcome.failed": Words("失败", "Failed"),
    "outcome.timed_out": Words("超时", "Timed out"),
    "outcome.unreachable": Words("无法连接", "Unreachable"),
    "outcome.blocked": Words("地址不允许", "Address refused"),
    "outcome.own_fault": Words("本服务自身原因", "The broker's own doing"),
    "outcome.misconfigured": Words("配置有误", "Wrong setting"),
}
