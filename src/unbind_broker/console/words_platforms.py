"""Words of the pages of platforms: how they stand and what goes wrong there."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.platforms": Words("平台", "Platforms"),
    "platforms.title": Words("平台", "Platforms"),
    "platforms.intro": Words(
        "有问题的平台排在最前。点击名称查看原因和处理办法。",
        "Those in trouble stand first. Open one to see why, and what can be done.",
    ),
    "platforms.name": Words("平台", "Platform"),
    "platforms.state": Words("状态", "State"),
    "platforms.success": Words("最近成功", "Last success"),
    "platforms.waits": Words("最早待发送", "Waiting since"),
    "platforms.open": Words("未办结", "Open items"),
    "platforms.overdue": Words("已逾期", "Overdue"),
    "platforms.p95": Words("接收用时 p95", "Taken within, p95"),
    "platforms.punctuality": Words("按时率", "In time"),
    "platforms.period": Words(
        "p95 与按时率：最近 {days} 天内办结的订单。",
        "p95 and in time: of orders that ended in the last {days} days.",
    ),
    "platforms.among": Words(
        "未办结与逾期数仅统计最先到期的 {n} 个订单。",
        "Open and overdue items are those of the {n} orders due first.",
    ),
    "platforms.shown": Words("显示 {n} / {all} 个平台", "{n} of {all} platforms"),
    "platforms.none": Words(
        "没有符合条件的平台。", "No platform is like that. Change what you look for."
    ),
    "platforms.none_at_all": Words(
        "还没有登记任何平台。可执行：unbind-broker platforms import。",
        "No platform is registered yet. Run: unbind-broker platforms import.",
    ),
    "platforms.filter": Words("查找平台", "Look for platforms"),
    "platforms.filter.name": Words("名称或标识包含", "Name contains"),
    "platforms.filter.state": Words("状态", "State"),
    "platforms.filter.sort": Words("排序", "Sort by"),
    "platforms.filter.show": Words("显示", "Show"),
    "platforms.filter.all": Words("全部", "All"),
    "platforms.filter.ill": Words("所有有问题的", "All in trouble"),
    "platforms.sort.state": Words("问题严重程度", "The worst first"),
    "platforms.sort.name": Words("标识", "Name"),
    "platforms.sort.waits": Words("等待最久", "Waiting longest"),
    "platforms.sort.open": Words("未办结最多", "Most open items"),
    "platforms.sort.overdue": Words("逾期最多", "Most overdue"),
    "platforms.sort.p95": Words("接收最慢", "Slowest to take"),
    "platforms.sort.punctuality": Words("按时率最低", "Least in time"),
    "platforms.summary": Words("各状态平台数", "Platforms by state"),
    "platforms.since": Words("自", "since"),
    "platforms.sensitive": Words("敏感平台", "Sensitive"),
    "platforms.seconds": Words("{n} 秒", "{n} s"),
    "platforms.ms": Words("{n} 毫秒", "{n} ms"),
    "platform.state.breaker_open": Words("已熔断", "Cut off (breaker open)"),
    "platform.state.disabled": Words("已停用", "Disabled"),
    "platform.state.failing": Words("持续出错", "Failing"),
    "platform.state.slow": Words("发送积压", "Slow: items wait"),
    "platform.state.unsteady": Words("时好时坏", "Fails often"),
    "platform.state.paused": Words("已暂停发送", "Paused"),
    "platform.state.suspended": Words("已停止派单", "Suspended"),
    "platform.state.not_ready": Words("未接入", "Not connected"),
    "platform.state.healthy": Words("正常", "Healthy"),
    "platform.means.breaker_open": Words(
        "连续失败过多，已停止发送，仅定时试探一次；恢复后自动继续。订单不会丢失。",
        "Too many requests failed: nothing is sent but one request now and then. It "
        "goes on by itself once the platform answers; no item is lost.",
    ),
    "platform.means.disabled": Words(
        "连续失败数日或平台回应 410，已停止发送。须由平台重新验证接收地址；待发明细保留"
        "至各自期限。",
        "It failed for days, or answered 410: nothing is sent until the platform has "
        "verified its endpoint again. Items wait until their own deadline.",
    ),
    "platform.means.failing": Words(
        "最近的请求失败，正在按计划重试。",
        "The newest requests failed; they are tried again by plan.",
    ),
    "platform.means.slow": Words(
        "请求成功，但有明细等待发送超过 1 分钟。",
        "Requests succeed, but something has waited to be sent for over a minute.",
    ),
    "platform.means.unsteady": Words(
        "有成功也有失败，已放慢发送。",
        "Some requests succeed, some fail: less is sent at once.",
    ),
    "platform.means.paused": Words(
        "已暂停发送，待发明细保留至各自期限。由谁暂停，由谁恢复。",
        "Nothing is sent; items wait until their own deadline. Only the side that "
        "paused it resumes it.",
    ),
    "platform.means.suspended": Words(
        "不再为此平台生成新明细；已有明细仍接受其结果。",
        "No new items are made for this platform; results for older ones are taken.",
    ),
    "platform.means.not_ready": Words(
        "尚未登记或验证接收地址，因此不会向其派发明细。",
        "It has no verified endpoint, so no items are made for it.",
    ),
    "platform.means.healthy": Words("发送正常。", "Everything sent is taken."),
    "fault.503": Words(
        "平台回应 503（服务暂不可用）",
        "It answers 503 (its service is unavailable)",
    ),
    "fault.429": Words(
        "平台回应 429（请求过多）", "It answers 429 (too many requests for it)"
    ),
    "fault.404": Words(
        "平台回应 404（接收地址不存在）",
        "It answers 404 (there is nothing under its URL)",
    ),
    "fault.401": Words(
        "平台回应 401（拒绝签名或鉴权）",
        "It answers 401 (it does not accept the signature)",
    ),
    "fault.403": Words(
        "平台回应 403（拒绝访问）", "It answers 403 (it forbids access)"
    ),
    "fault.410": Words(
        "平台回应 410（接收地址已永久撤销）",
        "It answers 410 (its URL is gone for good)",
    ),
    "fault.3xx": Words(
        "平台回应 {status}（重定向，不会跟随）",
        "It answers {status} (a redirection, which is not followed)",
    ),
    "fault.4xx": Words(
        "平台回应 {status}（拒绝请求）", "It answers {status} (it refuses the request)"
    ),
    "fault.5xx": Words(
        "平台回应 {status}（平台内部故障）", "It answers {status} (a fault on its side)"
    ),
    "fault.status": Words("平台回应 {status}", "It answers {status}"),
    "fault.timeout": Words(
        "超时：平台未在 {n} 秒内完整回应", "Timeout: no whole answer within {n} s"
    ),
    "fault.connect_timeout": Words(
        "连接超时：未能在时限内建立连接",
        "Timeout: it could not be connected to in time",
    ),
    "fault.dns": Words("域名无法解析（DNS）", "DNS: its host name is not found"),
    "fault.certificate": Words(
        "TLS 证书未通过验证（{detail}）",
        "Its TLS certificate is not accepted ({detail})",
    ),
    "fault.certificate.expired": Words(
        "TLS 证书已过期", "Its TLS certificate has expired"
    ),
    "fault.certificate.name": Words(
        "TLS 证书与域名不符", "Its TLS certificate is for another host name"
    ),
    "fault.certificate.unknown": Words(
        "TLS 证书的签发者不受信任，或证书链不完整",
        "Its TLS certificate comes from an unknown issuer, or its chain is incomplete",
    ),
    "fault.tls": Words("TLS 握手失败", "The TLS handshake fails"),
    "fault.refused": Words(
        "连接被拒绝：目标端口无服务", "Nothing listens at its address"
    ),
    "fault.reset": Words("连接中断，未收到回应", "It breaks the connection off"),
    "fault.route": Words("网络不可达", "The network does not reach it"),
    "fault.connect": Words("无法连接", "It cannot be connected to"),
    "fault.address": Words(
        "地址不允许访问（{detail}）",
        "Its address may not be posted to ({detail})",
    ),
    "fault.url": Words("接收地址无效", "Its URL is not usable"),
    "fault.own": Words(
        "本服务自身原因（{detail}）", "The broker's own doing ({detail})"
    ),
    "fault.network": Words(
        "疑似本服务自身网络问题：{what}", "Presumably the broker's own network: {what}"
    ),
}
