"""Problems that platforms meet with clearances."""

from unbind_broker.api.problem_kind import ProblemKind

FINDING_KINDS = (
    ProblemKind(
        "clearance-stopped",
        409,
        "This clearance has stopped",
        "Too many of its numbers are in use: its dates may be wrong. Detach nothing "
        "more of it. If it goes on, clearance.published comes again. What you did "
        "already is reported as ever.",
        "该批次中过多号码仍在使用，日期可能有误，已停止。请勿继续解绑；"
        "若恢复，将再次收到 "
        "clearance.published。已处理的结果仍可照常上报。",
    ),
    ProblemKind(
        "clearance-held",
        409,
        "Unbinding is stopped for this carrier",
        "The carrier of this clearance is suspended, or its unbinding is stopped. "
        "Detach nothing more of it, and ask again after the seconds in Retry-After.",
        "该批次所属运营商已被暂停，或解绑已被叫停。请勿继续解绑，并按 Retry-After "
        "稍后重试。",
    ),
    ProblemKind(
        "clearance-not-published",
        409,
        "This clearance is still a draft",
        "Nobody was asked about its numbers yet: publish it, and there are results.",
        "该批次仍为草稿，尚未向任何平台发布；发布之后才有结果。",
    ),
    ProblemKind(
        "manifest-unread",
        409,
        "The manifest was not read to its end",
        "A platform is done with numbers that it has read only. Read the manifest to "
        "the end, then report again; nothing of this report was recorded.",
        "尚未读完清单，不能声明已处理完毕。请读完清单后重新上报；本次上报未被记录。",
    ),
)
