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
