"""Every problem that the API can answer: code, status, meaning in two languages."""

from unbind_broker.api.problem_kind import ProblemKind
from unbind_broker.api.problem_kinds_clearances import CLEARANCE_KINDS
from unbind_broker.api.problem_kinds_delivery import DELIVERY_KINDS
from unbind_broker.api.problem_kinds_figures import FIGURES_KINDS
from unbind_broker.api.problem_kinds_findings import FINDING_KINDS
from unbind_broker.api.problem_kinds_launch import LAUNCH_KINDS
from unbind_broker.api.problem_kinds_orders import ORDER_KINDS
from unbind_broker.api.problem_kinds_probing import PROBING_KINDS
from unbind_broker.api.problem_kinds_protection import PROTECTION_KINDS
from unbind_broker.api.problem_kinds_registry import REGISTRY_KINDS
from unbind_broker.api.problem_kinds_sandbox import SANDBOX_KINDS
from unbind_broker.api.problem_kinds_security import SECURITY_KINDS

__all__ = ["KINDS", "ProblemKind"]

_KINDS = (
    ProblemKind(
        "malformed-json",
        400,
        "The body is not JSON",
        "The request body could not be read as a JSON document in UTF-8 that names "
        "each member once.",
        "请求体不是 UTF-8 编码的 JSON 文档，或同一成员出现了两次。",
    ),
    ProblemKind(
        "unauthenticated",
        401,
        "No valid API key",
        "Send an API key as 'Authorization: Bearer ub_…'. It is missing, malformed, "
        "unknown, revoked or expired.",
        "请以 “Authorization: Bearer ub_…” 发送接口密钥。"
        "密钥缺失、格式错误、未知、已吊销或已过期。",
    ),
    ProblemKind(
        "signature-invalid",
        401,
        "The report's signature does not verify",
        "A result_public_key is registered for this endpoint, so every report must "
        "carry Standard Webhooks headers with a v1a signature of these very bytes.",
        "该端点登记了 result_public_key，因此每份结果都必须带有对原始字节的 v1a 签名。",
    ),
    ProblemKind(
        "wrong-role",
        403,
        "This key has another role",
        "The key is valid, but its role may not do this.",
        "密钥有效，但其角色无权执行该操作。",
    ),
    ProblemKind(
        "suspended",
        403,
        "The holder of this key is suspended",
        "An administrator has suspended this carrier or platform.",
        "该运营商或平台已被系统管理员暂停。",
    ),
    ProblemKind(
        "not-found",
        404,
        "Nothing here",
        "No such resource, or it belongs to another party.",
        "资源不存在，或属于其他主体。",
    ),
    ProblemKind(
        "method-not-allowed",
        405,
        "Method not allowed",
        "The path exists, but not with this method; see the Allow header.",
        "路径存在，但不支持该方法，请参阅 Allow 响应头。",
    ),
    ProblemKind(
        "request-timeout",
        408,
        "The request came too slowly",
        "The whole request body must arrive within 30 seconds. Nothing was stored.",
        "请求体须在 30 秒内完整送达；未保存任何内容。",
    ),
    ProblemKind(
        "idempotency-in-progress",
        409,
        "The first request with this key is still running",
        "Another request with the same Idempotency-Key has not been answered yet. "
        "Try again in a moment.",
        "携带相同 Idempotency-Key 的请求尚未完成，请稍后重试。",
    ),
    ProblemKind(
        "body-too-large",
        413,
        "The body is too large",
        "A request body may hold at most 1 MiB.",
        "请求体最大为 1 MiB。",
    ),
    ProblemKind(
        "unsupported-media-type",
        415,
        "The body has a media type that is not taken here",
        "Send 'Content-Type: application/json'. POST /v1/holdings takes "
        "application/x-ndjson and text/csv too; parts of clearances take only those.",
        "请发送 “Content-Type: application/json”；"
        "POST /v1/holdings 另接受 application/x-ndjson 和 text/csv；"
        "批次分片只接受后两者。",
    ),
    ProblemKind(
        "validation-failed",
        422,
        "The request is not valid",
        "One or more fields are missing, unknown or wrong; 'errors' points at each.",
        "一个或多个字段缺失、未知或有误，errors 指出每一处。",
    ),
    ProblemKind(
        "idempotency-key-reused",
        422,
        "This Idempotency-Key was used for another request",
        "The key was already used with another body. Use a new key for a new request.",
        "该 Idempotency-Key 已用于另一请求体，新请求请使用新的键。",
    ),
    ProblemKind(
        "rate-limited",
        429,
        "Too many requests",
        "The caller is over its rate. Wait for the seconds in Retry-After.",
        "请求过于频繁，请按 Retry-After 指定的秒数等待。",
    ),
    ProblemKind(
        "internal-error",
        500,
        "Internal error",
        "Something unexpected happened. Quote the request_id to the administrators.",
        "发生意外错误，请向系统管理员提供 request_id。",
    ),
    ProblemKind(
        "overloaded",
        503,
        "Too busy right now",
        "The broker protects itself from overload. Nothing was stored; wait for the "
        "seconds in Retry-After and send the request again.",
        "系统过载保护中，未保存任何内容，请按 Retry-After 等待后重试。",
    ),
    ProblemKind(
        "schema-outdated",
        503,
        "The database schema is older than this program",
        "An administrator must run: unbind-broker migrate.",
        "数据库结构早于本程序，请系统管理员运行 unbind-broker migrate。",
    ),
    ProblemKind(
        "database-unavailable",
        503,
        "The database is away",
        "The database cannot be reached at the moment. Try again; repeat a write with "
        "the same Idempotency-Key, for it may have been stored.",
        "暂时无法连接数据库，请稍后重试；写请求可能已被保存，重试时请使用相同的 "
        "Idempotency-Key。",
    ),
)

KINDS: dict[str, ProblemKind] = {
    kind.code: kind
    for kind in (
        *_KINDS,
        *REGISTRY_KINDS,
        *ORDER_KINDS,
        *PROTECTION_KINDS,
        *DELIVERY_KINDS,
        *LAUNCH_KINDS,
        *CLEARANCE_KINDS,
        *FINDING_KINDS,
        *FIGURES_KINDS,
        *PROBING_KINDS,
        *SANDBOX_KINDS,
        *SECURITY_KINDS,
    )
}
"""Problems by code. Features keep theirs in ``problem_kinds_<feature>.py``."""
