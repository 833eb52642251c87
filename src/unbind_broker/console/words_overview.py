"""Words of the first page, and of the brake."""

from unbind_broker.console.wording import Words

WORDS = {
    "overview.title": Words("总览", "Overview"),
    "overview.queue": Words("待发送", "Waiting to be sent"),
    "overview.rows": Words("排队条数", "Queued"),
    "overview.oldest": Words("最早到期", "Oldest due"),
    "overview.workers": Words("工作进程", "Workers"),
    "overview.workers.none": Words(
        "一天之内没有任何工作进程报到。请启动工作进程：unbind-broker worker。",
        "No worker has shown itself for a day. Start one: unbind-broker worker.",
    ),
    "overview.without_owner": Words("无人负责的接收端", "Endpoints without a worker"),
    "worker.host": Words("主机", "Host"),
    "worker.started": Words("启动", "Started"),
    "worker.seen": Words("最近报到", "Last seen"),
    "worker.endpoints": Words("负责的接收端", "Endpoints"),
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
    "brake.held": Words("被暂停的订单", "Orders held"),
    "brake.release": Words("解除刹车", "Release the brake"),
    "brake.release.preview": Words("预览解除", "Preview the release"),
    "brake.warning": Words(
        "被暂停的订单将继续发送给平台；已过办理期限的订单在此期间已逾期。",
        "The orders held go on to the platforms; those past their deadline have "
        "expired meanwhile.",
    ),
    "brake.released": Words("刹车已解除。", "The brake is released."),
}
