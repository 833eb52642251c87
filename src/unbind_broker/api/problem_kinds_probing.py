"""Problems of carriers that ask about numbers of others."""

from unbind_broker.api.problem_kind import ProblemKind

PROBING_KINDS = (
    ProblemKind(
        "too-many-refusals",
        429,
        "Too many numbers of others today",
        "More lines and requests of today than UNBIND_REFUSALS_PER_DAY were refused "
        "because somebody else holds the number. Upload again after the seconds in "
        "Retry-After, when the next day begins, or ask the administrators.",
        "当日因号码由他人持有而被拒绝的次数超过 UNBIND_REFUSALS_PER_DAY，"
        "请按 Retry-After 于次日再上传，或联系系统管理员核查。",
    ),
)
