"""Words of the first page."""

from unbind_broker.console.wording import Words

WORDS = {
    "overview.title": Words("总览", "Overview"),
    "overview.flow": Words("最近一小时", "The last hour"),
    "overview.orders_per_minute": Words("每分钟订单数", "Orders per minute"),
    "overview.items_per_minute": Words("每分钟明细数", "Items per minute"),
    "overview.rate": Words(
        "上一整分钟 {last}，一小时内最多 {most}，合计 {all}；当前分钟已有 {running}",
        "{last} in the last full minute, {most} at most, {all} in the hour; {running} "
        "so far in this minute",
    ),
    "overview.rate.estimated": Words(
        "上一整分钟 {last}，一小时内最多 {most}，合计约 {all}（部分为估算）；"
        "当前分钟已有 {running}",
        "{last} in the last full minute, {most} at most, about {all} in the hour "
        "(estimated in part); {running} so far in this minute",
    ),
    "overview.open": Words("办理中", "Under way"),
    "overview.orders": Words("办理中的订单", "Orders in progress"),
    "overview.items": Words("未结明细", "Open items"),
    "overview.overdue": Words("已逾期", "Overdue"),
    "overview.within_hour": Words("1 小时内到期", "Due within the hour"),
    "overview.within_day": Words("24 小时内到期", "Due within a day"),
    "overview.held": Words("暂缓处理的订单", "Orders held"),
    "overview.held.undo": Words("撤回期内", "Undo window"),
    "overview.among": Words(
        "明细数仅统计最先到期的 {n} 个订单。",
        "Items are counted of the {n} orders due first.",
    ),
    "overview.trouble": Words("问题与争议", "Trouble and disputes"),
    "overview.undeliverable": Words("未能送达", "Undeliverable"),
    "overview.violations": Words("越界解绑未恢复", "Wrong unbindings open"),
    "overview.disputes": Words("号码归属争议", "Disputed holdings"),
    "overview.unsealed": Words("未封存的审计记录", "Audit events unsealed"),
    "overview.sealed": Words("最近封存", "Last sealed"),
    "overview.platforms": Words("平台状态", "Platforms by state"),
    "overview.platforms.none": Words(
        "还没有登记任何平台。", "No platform is registered yet."
    ),
    "overview.clearances": Words("批量焕新", "Clearances"),
    "overview.queue": Words("发送", "Sending"),
    "overview.rows": Words("重试与提醒排队", "Retries and reminders queued"),
    "overview.oldest": Words("其中最早到期", "Oldest of them due"),
    "overview.unsent": Words("等待最久", "Waiting longest"),
    "overview.workers": Words("工作进程", "Workers"),
    "overview.workers.none": Words(
        "没有工作进程报到：一天之内未启动过，或在怀疑自身网络时已自行退出名单。",
        "No worker is listed: none ran within a day, or those that run suspect their"
        " own network and have signed off.",
    ),
    "overview.without_owner": Words("无人负责的接收端", "Endpoints without a worker"),
    "standing.degraded": Words("时好时坏", "Fails often"),
    "clearance.carrier": Words("运营商", "Carrier"),
    "clearance.status": Words("状态", "Status"),
    "clearance.numbers": Words("号码数", "Numbers"),
    "clearance.waves": Words("已发布批次", "Waves published"),
    "clearance.deadline": Words("期限", "Deadline"),
    "clearance.running": Words("进行中", "Under way"),
    "clearance.halted": Words("已中止", "Stopped"),
    "worker.host": Words("主机", "Host"),
    "worker.state": Words("状态", "State"),
    "worker.lives": Words("运行中", "Running"),
    "worker.gone": Words("未报到", "Silent"),
    "worker.started": Words("启动", "Started"),
    "worker.seen": Words("最近报到", "Last seen"),
    "worker.endpoints": Words("负责的接收端", "Endpoints"),
}
