"""Words of the pages of clearances."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.clearances": Words("批量焕新", "Clearances"),
    "clearances.title": Words("批量焕新", "Clearances"),
    "clearances.intro": Words(
        "运营商再次放号前，请平台清理旧绑定。已停止的焕新等待管理员决定。",
        "Carriers have old bindings cleared before numbers are sold again. Those that "
        "stopped wait for a decision.",
    ),
    "clearances.one": Words("焕新详情", "Clearance"),
    "clearances.id": Words("编号", "Id"),
    "clearances.reference": Words("运营商参考号", "Carrier's reference"),
    "clearances.status": Words("状态", "State"),
    "clearances.status.any": Words("全部状态", "Any"),
    "clearances.status.draft": Words("草稿", "Draft"),
    "clearances.status.in_progress": Words("进行中", "In progress"),
    "clearances.status.stopped": Words("已停止", "Stopped"),
    "clearances.status.completed": Words("已完成", "Completed"),
    "clearances.stopped.active_after_cutoff": Words(
        "首批中仍在使用的号码过多，后续批次不再发出。",
        "Too many numbers of the first wave are in use; no further wave goes out.",
    ),
    "clearances.carrier": Words("运营商", "Carrier"),
    "clearances.numbers": Words("号码数", "Numbers"),
    "clearances.done": Words("已完成平台", "Platforms done"),
    "clearances.of": Words("{n} / {all}", "{n} of {all}"),
    "clearances.created": Words("创建", "Created"),
    "clearances.published": Words("发布", "Published"),
    "clearances.deadline": Words("截止", "Deadline"),
    "clearances.completed": Words("完成", "Completed"),
    "clearances.destroyed": Words("号码已销毁", "Numbers destroyed"),
    "clearances.filter": Words("筛选", "Filter"),
    "clearances.filter.none": Words("取消筛选", "Show all"),
    "clearances.none": Words("没有符合条件的焕新。", "No clearance matches."),
    "clearances.clean": Words("可放号", "Clean"),
    "clearances.blocked": Words("被平台保留", "Kept by a platform"),
    "clearances.partial": Words("等待平台", "Waiting for platforms"),
    "clearances.withdrawn": Words("已撤出", "Withdrawn"),
    "clearances.overridden": Words("人工放行", "Released by hand"),
    "clearances.waves": Words("批次", "Waves"),
    "clearances.wave": Words("批次", "Wave"),
    "clearances.wave.waits": Words("尚未发出", "not yet"),
    "clearances.waves.none": Words("尚未发布。", "It is not published yet."),
    "clearances.due": Words("计划发出", "Due"),
    "clearances.platforms": Words("平台", "Platforms"),
    "clearances.platforms.none": Words(
        "尚未发给任何平台。", "No platform has been told yet."
    ),
    "clearances.platform": Words("平台", "Platform"),
    "clearances.sensitive": Words("敏感", "sensitive"),
    "clearances.standing": Words("进度", "Progress"),
    "clearances.finished": Words("已完成", "Done"),
    "clearances.overdue": Words("逾期未完成", "Not done in time"),
    "clearances.reading": Words("读取中", "Reading"),
    "clearances.reading.done": Words("已读完，处理中", "All read, at work"),
    "clearances.reading.none": Words("尚未读取", "Not read yet"),
    "clearances.read": Words("已读号码", "Numbers read"),
    "clearances.findings": Words("发现", "Findings"),
    "clearances.resume": Words("恢复焕新", "Let it go on"),
    "clearances.resume.hint": Words(
        "请先与运营商核实日期。日期有误时不要恢复，应由运营商重新发起。",
        "Check the dates with the carrier first. Where they are wrong, do not let it "
        "go on: the carrier begins again.",
    ),
    "clearances.resume.preview": Words("恢复…", "Let it go on…"),
    "clearances.resume.warning": Words(
        "后续批次将无条件发出，未完成的平台会再次收到通知并重新计时。",
        "Further waves go out whatever platforms find; platforms that are not done are "
        "told again and get the whole time once more.",
    ),
    "clearances.resumed": Words("焕新已恢复。", "The clearance goes on."),
    "clearances.back": Words("返回列表", "Back to the list"),
}
