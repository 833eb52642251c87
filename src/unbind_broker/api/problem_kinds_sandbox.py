"""Problems around rehearsals with a sandbox key."""

from unbind_broker.api.problem_kind import ProblemKind

SANDBOX_KINDS = (
    ProblemKind(
        "sandbox-number",
        422,
        "A sandbox key takes made-up numbers only",
        "This key is for rehearsals, and the number may be somebody's. Use the test "
        "numbers +86 138 0000 0000 to +86 138 0000 9999; what comes of each is "
        "documented.",
        "该密钥仅用于演练，只接受 +86 138 0000 0000 至 +86 138 0000 9999 "
        "的虚构测试号码（各号段的结果见文档），不接受可能属于真实用户的号码。",
    ),
)
