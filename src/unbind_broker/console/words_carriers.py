"""Words of the page of carriers."""

from unbind_broker.console.wording import Words

WORDS = {
    "nav.carriers": Words("运营商", "Carriers"),
    "carriers.title": Words("运营商", "Carriers"),
    "carriers.slug": Words("运营商", "Carrier"),
    "carriers.name": Words("名称", "Name"),
    "carriers.state": Words("状态", "State"),
    "carriers.active": Words("正常", "Active"),
    "carriers.suspended": Words("已暂停", "Suspended"),
    "carriers.unbinding": Words("解绑", "Unbinding"),
    "carriers.braked": Words("已刹车", "Braked"),
    "carriers.runs": Words("进行中", "Runs"),
    "carriers.held": Words("被刹车的订单", "Held by the brake"),
    "carriers.refused": Words("今日被拒", "Refused today"),
    "carriers.act": Words("操作", "Action"),
    "carriers.none": Words("还没有运营商。", "There is no carrier yet."),
    "carriers.suspend": Words("暂停运营商", "Suspend the carrier"),
    "carriers.suspend.preview": Words("暂停…", "Suspend…"),
    "carriers.suspend.warning": Words(
        "其调用将立即被拒绝，未完成的查询和解绑订单将取消且不会恢复；恢复订单继续。",
        "Its calls are refused at once; its open queries and unbind orders are "
        "cancelled and do not come back. Restore orders go on.",
    ),
    "carriers.suspended.done": Words("{carrier} 已暂停。", "{carrier} is suspended."),
    "carriers.resume": Words("恢复运营商", "Resume the carrier"),
    "carriers.resume.preview": Words("恢复…", "Resume…"),
    "carriers.resume.warning": Words(
        "其调用将重新被接受；已取消的订单不会恢复。",
        "Its calls are taken again; what was cancelled stays so.",
    ),
    "carriers.resumed.done": Words("{carrier} 已恢复。", "{carrier} is resumed."),
    "carriers.brake": Words("启用刹车", "Engage the brake"),
    "carriers.brake.preview": Words("启用刹车…", "Engage the brake…"),
    "carriers.brake.warning": Words(
        "平台已收到的请求仍可能被执行。运营商会收到通知并看到理由。",
        "What platforms were asked already may still be done. A carrier whose own "
        "brake it is will be told, with the reason.",
    ),
}
