"""Problems of carriers that ask about numbers of others."""

from unbind_broker.api.problem_kind import ProblemKind

PROBING_KINDS = (
    ProblemKind(
        "too-many-refusals",
        429,
        "Too many numbers of others today",
        "More than 10,000 of your lines and requests of today (a setting of the "
        "broker) were refused because somebody else holds the number. Nothing of this "
        "part was stored. Upload it again after the seconds in Retry-After, when the "
        "next day begins, or ask the administrators.",
        "当日因号码由他人持有而被拒绝的次数已超过上限（默认 10,000，可配置）。"
        "本分片未保存，请按 Retry-After 于次日再上传，或联系系统管理员核查。",
    ),
)
