"""Problems of those who try keys."""

from unbind_broker.api.problem_kind import ProblemKind

SECURITY_KINDS = (
    ProblemKind(
        "too-many-failed-keys",
        429,
        "Too many failed keys",
        "Too many keys that are unknown, revoked or expired came from this address, or "
        "began like this one. This one was not looked at; wait for the seconds in "
        "Retry-After. Whoever sends a living key is not held up by this.",
        "来自该地址或前缀相同的无效密钥（未知、已吊销或已过期）过多，"
        "本次密钥未经查验，请按 Retry-After 等待。持有有效密钥的调用方不受影响。",
    ),
)
