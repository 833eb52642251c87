"""Problems around carriers, platforms, keys and endpoints."""

from unbind_broker.api.problem_kind import ProblemKind

REGISTRY_KINDS = (
    ProblemKind(
        "slug-taken",
        409,
        "This slug is taken",
        "A carrier or a platform with this slug is registered already. Slugs are never "
        "given out again.",
        "该标识已被登记。标识不会重新分配。",
    ),
    ProblemKind(
        "endpoint-not-verified",
        409,
        "This endpoint is not verified",
        "Nothing is sent to an endpoint before it is verified: call "
        "POST /v1/endpoint/verify first.",
        "端点尚未通过验证，请先调用 POST /v1/endpoint/verify。",
    ),
    ProblemKind(
        "endpoint-disabled",
        409,
        "This endpoint is disabled",
        "The endpoint answered 410 or failed for too long. POST /v1/endpoint/verify "
        "brings it back; its items wait until their own deadlines.",
        "该端点返回过 410 或长时间不可用，已被停用。"
        "调用 POST /v1/endpoint/verify 可恢复，期间任务保留至各自的截止时间。",
    ),
    ProblemKind(
        "endpoint-changed",
        409,
        "The endpoint was changed meanwhile",
        "Another URL was chosen while this one was being verified. Verify again.",
        "验证期间端点地址已被修改，请重新验证。",
    ),
    ProblemKind(
        "endpoint-is-pull",
        409,
        "This endpoint fetches its items itself",
        "Nothing is ever posted to an endpoint of delivery 'pull', so there is nothing "
        "to verify, to test or to sign.",
        "拉取方式的端点不接收推送，无需验证、测试或签名密钥。",
    ),
    ProblemKind(
        "paused-by-other-side",
        409,
        "The other side paused this endpoint",
        "Only the side that paused an endpoint, its owner or the administrators, "
        "resumes it.",
        "端点只能由暂停它的一方（所有者或系统管理员）恢复。",
    ),
    ProblemKind(
        "endpoint-url-refused",
        422,
        "This URL cannot be an endpoint",
        "An endpoint is an https URL with a public host name, without user name, "
        "fragment or IP address, on port 443 or above 1024.",
        "端点须为 https 地址，使用公网域名，不含用户名、片段或 IP 地址，"
        "端口为 443 或大于 1024。",
    ),
    ProblemKind(
        "verification-failed",
        422,
        "The endpoint did not answer the challenge",
        "The broker sent a signed endpoint.verification and did not get status 200 and "
        'the body {"challenge": "<the same>"} within 10 seconds; the detail says what '
        "happened instead.",
        "本系统发送了带签名的 endpoint.verification，但未在 10 秒内收到状态码 200 "
        "及内容相同的 challenge，detail 说明了实际情况。",
    ),
)
