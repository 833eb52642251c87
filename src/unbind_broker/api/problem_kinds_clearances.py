"""Problems around clearances."""

from unbind_broker.api.problem_kind import ProblemKind

CLEARANCE_KINDS = (
    ProblemKind(
        "clearance-busy",
        409,
        "Another call is changing this clearance",
        "A part is being stored, or the clearance is being published. Send the same "
        "again a few seconds later.",
        "另一请求正在写入或发布该批次，请数秒后重试同一请求。",
    ),
    ProblemKind(
        "too-many-open-clearances",
        409,
        "Too many clearances are open",
        "You have 200 clearances (a setting of the broker) that are drafts, in "
        "progress or stopped. Publish what waits, or wait for an end; a draft that "
        "nobody touches for 7 days goes by itself.",
        "贵方未完结的批次（草稿、进行中、已停止）已达上限（默认 200，可配置）。"
        "请发布待发草稿，或等待其办结；7 天无人写入的草稿将自动清除。",
    ),
    ProblemKind(
        "clearance-not-draft",
        409,
        "This clearance is published already",
        "Numbers can be put in only while a clearance is a draft. Numbers that are "
        "already in it can still be withdrawn.",
        "仅草稿状态的批次可以写入号码；已发布的批次仍可撤回号码。",
    ),
    ProblemKind(
        "clearance-empty",
        422,
        "There is no number to clear",
        "No number was put in, or every one was withdrawn or has a holder again.",
        "批次中没有可焕新的号码：未写入号码，或全部已被撤回、已有新机主。",
    ),
    ProblemKind(
        "clearance-too-large",
        413,
        "Too many numbers for one clearance",
        "One clearance holds 1,000,000 numbers at most (a setting of the broker). "
        "Nothing of this part was stored; make another clearance for the rest.",
        "单个批次最多 1,000,000 个号码（可配置）。本分片未保存，其余号码请另建批次。",
    ),
)
