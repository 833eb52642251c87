"""Problems around ownership, undoing, guards and proof."""

from unbind_broker.api.problem_kind import ProblemKind

PROTECTION_KINDS = (
    ProblemKind(
        "attestation-required",
        422,
        "An attestation is required",
        "Queries and orders of this carrier must carry an attestation: a compact JWS "
        "by one of its registered keys, see the field attestation.",
        "该运营商的查询和解绑请求必须附带 attestation："
        "由其登记密钥签名的紧凑格式 JWS。",
    ),
    ProblemKind(
        "attestation-invalid",
        422,
        "The attestation does not hold",
        "It is forged or expired, its kid or algorithm does not fit the registered "
        "keys, or it says something else than the request; detail tells which.",
        "attestation 系伪造或已过期，kid 或算法与登记的密钥不符，"
        "或内容与请求不一致，detail 指出原因。",
    ),
    ProblemKind(
        "attestation-replayed",
        422,
        "The attestation was used before",
        "Each jti counts once. Sign a new attestation for a new request; to repeat the "
        "same request use its Idempotency-Key.",
        "每个 jti 只能使用一次。新请求须重新签名；"
        "重试同一请求请使用其 Idempotency-Key。",
    ),
)
