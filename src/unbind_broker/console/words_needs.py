"""Words of what needs somebody, at the top of the first page."""

from unbind_broker.console.wording import Words

WORDS = {
    "needs.title": Words("需要您处理", "What needs you"),
    "needs.none": Words(
        "目前没有需要处理的事项。", "Nothing needs you at this moment."
    ),
    "needs.tab": Words("（{n}）{title}", "({n}) {title}"),
    "needs.why": Words("：{why}。", ": {why}."),
    "needs.since": Words("已持续 {span}", "for {span}"),
    "need.no_worker": Words(
        "没有工作进程报告正常。若未运行，任何通知都不会发出，请启动：unbind-broker"
        " worker；若正在运行，则它怀疑自身网络有故障。",
        "No worker says that it is well. If none runs, nothing is sent: start one"
        " (unbind-broker worker). If one runs, it suspects its own network.",
    ),
    "need.without_owner": Words(
        "{n} 个接收端没有工作进程负责，其通知不会发出。",
        "Endpoints without a worker, to which nothing is sent: {n}.",
    ),
    "need.overdue": Words(
        "{n} 项已过期限仍未办结。",
        "Items past their deadline and still open: {n}.",
    ),
    "need.within_hour": Words(
        "{n} 项将在 1 小时内到期（查询不计）。",
        "Items due within the hour, queries aside: {n}.",
    ),
    "need.waits": Words(
        "发往 {name} 的通知本可发出却仍在排队。",
        "What is to go to {name} waits, though it could be sent.",
    ),
    "need.violations": Words(
        "{n} 起越界解绑尚未恢复。", "Wrong unbindings that are not made good yet: {n}."
    ),
    "need.platform.breaker_open": Words("{name} 已熔断", "{name} is cut off"),
    "need.platform.disabled": Words("{name} 的接收端已停用", "{name} is disabled"),
    "need.platform.degraded": Words("{name} 时好时坏", "{name} fails often"),
    "need.platform.paused": Words("{name} 已暂停发送", "{name} is paused"),
    "need.platforms": Words(
        "另有 {n} 个平台有问题。", "More platforms in trouble: {n}."
    ),
    "need.brake": Words(
        "{carrier} 的解绑刹车已启用（{reason}），{n} 个订单暂缓处理。",
        "The brake is on for {carrier} ({reason}). Orders held: {n}.",
    ),
    "need.brake.all": Words(
        "全部运营商的解绑刹车已启用（{reason}），{n} 个订单暂缓处理。",
        "The brake is on for all carriers ({reason}). Orders held: {n}.",
    ),
    "need.clearance_stopped": Words(
        "{carrier} 的一次批量焕新已中止（共 {n} 个号码）。",
        "A clearance of {carrier} is stopped. Numbers: {n}.",
    ),
    "need.undeliverable": Words(
        "{n} 项未能送达，等待重新发送。",
        "Items that could not be delivered and wait to be sent again: {n}.",
    ),
    "need.disputes": Words(
        "{n} 个订单因号码归属有争议而暂缓处理。",
        "Orders held because it is disputed who holds the number: {n}.",
    ),
    "need.unsealed": Words(
        "{n} 条审计记录尚未封存。", "Audit events that are not sealed yet: {n}."
    ),
}
