"""The problems of a process that has much to do, or is about to end."""

from unbind_broker.api.problem_kind import ProblemKind

LAUNCH_KINDS = (
    ProblemKind(
        "draining",
        503,
        "This process is about to end",
        "It still serves what reaches it, and takes no new callers soon. Send new "
        "calls to another process.",
        "本进程即将退出：仍会处理已到达的请求，新的请求请发往其他进程。",
    ),
)
