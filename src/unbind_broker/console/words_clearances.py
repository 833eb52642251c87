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
    "clearances.keepers": Words("保留号码的原因", "Why numbers are kept back"),
    "clearances.keepers.none": Words(
        "没有平台保留任何号码。", "No platform keeps a number back."
    ),
    "clearances.keepers.hint": Words(
        "敏感平台的发现不影响放号，故不列出。",
        "Sensitive platforms hold no number back; what they found is not told.",
    ),
    "clearances.reason": Words("原因", "Reason"),
    "clearances.held": Words(
        "被保留的号码与人工放行", "Numbers kept back, and release"
    ),
    "clearances.held.title": Words(
        "被平台保留的号码", "Numbers kept back by platforms"
    ),
    "clearances.held.none": Words(
        "没有被平台保留的号码。", "No number is kept back by a platform."
    ),
    "clearances.pick": Words("选择", "Choose"),
    "clearances.pick.of": Words("选择序号 {place}", "Choose place {place}"),
    "clearances.place": Words("序号", "Place"),
    "clearances.places": Words("序号", "Places"),
    "clearances.number": Words("号码", "Number"),
    "clearances.gone_on": Words("销户日", "Disconnected on"),
    "clearances.kept_by": Words("保留平台与原因", "Kept by, and why"),
    "clearances.kept_as": Words("{outcome}：{reason}", "{outcome}: {reason}"),
    "clearances.last_bound": Words("最近绑定", "Last bound"),
    "clearances.stands": Words("状态", "State"),
    "clearances.stands.kept": Words("被保留", "Kept back"),
    "clearances.release": Words("人工放行", "Release in spite of platforms"),
    "clearances.release.hint": Words(
        "仅在平台书面确认或风险已排除后放行。冷冻期不会缩短，每个号码单独记入审计日志。",
        "Only once a platform has confirmed it, or the risk is gone. The freeze is not "
        "shortened; every number is an event of the trail.",
    ),
    "clearances.release.typed": Words(
        "放行未列出的号码", "Release numbers that are not listed"
    ),
    "clearances.release.named": Words("号码或序号", "Numbers, or places"),
    "clearances.release.named.hint": Words(
        "用空格、逗号或换行分隔，最多 {n} 个。仍在等待平台的号码也可放行。",
        "Apart by spaces, commas or lines, up to {n}. Those that wait for platforms "
        "can be released, too.",
    ),
    "clearances.release.picked": Words("放行所选…", "Release those chosen…"),
    "clearances.release.preview": Words("放行…", "Release…"),
    "clearances.release.n": Words("将放行的号码", "Numbers to be released"),
    "clearances.release.warning": Words(
        "这些号码在冷冻期满后可再次放号，即使平台仍保留绑定。放行不可撤销。",
        "After the freeze they may be sold though platforms keep bindings. It cannot "
        "be taken back.",
    ),
    "clearances.released": Words("已放行 {n} 个号码。", "Numbers released: {n}."),
    "clearances.released.before": Words("此前已放行", "Released before"),
    "clearances.released.none": Words(
        "没有可放行的号码：此前已放行 {released_before}，已撤出或有人持有 {withdrawn}，"
        "不属于本次焕新 {unknown}。",
        "Nothing to release. Released before: {released_before}; withdrawn, or held by "
        "somebody: {withdrawn}; not of this clearance: {unknown}.",
    ),
    "clearances.unknown": Words("不属于本次焕新", "Not of this clearance"),
    "clearances.back.one": Words("返回本次焕新", "Back to the clearance"),
    "clearances.back": Words("返回列表", "Back to the list"),
}
