"""The problems of delivery, and of the process that does it."""

from unbind_broker.api.problem_kind import ProblemKind

DELIVERY_KINDS = (
    ProblemKind(
        "stale",
        503,
        "The worker gets nothing done",
        "For longer than UNBIND_LIVENESS_LIMIT the worker of this process could not "
        "read what is to be sent. Start it anew if the database is well.",
        "本进程中的 worker 超过 UNBIND_LIVENESS_LIMIT 未能读取待发送内容；"
        "若数据库正常，请重启该进程。",
    ),
)
