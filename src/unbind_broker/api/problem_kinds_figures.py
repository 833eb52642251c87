"""Problems of those who ask for figures."""

from unbind_broker.api.problem_kind import ProblemKind

FIGURES_KINDS = (
    ProblemKind(
        "wrong-period",
        422,
        "No such period",
        "It ends before it begins, or is longer than 366 days. Both days count; "
        "ask for longer periods in parts.",
        "统计区间有误：结束日早于起始日，或超过 366 天。起止日均计入；"
        "更长的区间请分段查询。",
    ),
)
