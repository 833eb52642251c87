"""Problems around queries, orders, items and results."""

from unbind_broker.api.problem_kind import ProblemKind

ORDER_KINDS = (
    ProblemKind(
        "too-many-open-orders",
        409,
        "Too much is under way about this number",
        "You have 20 queries and orders (a setting of the broker) about this number "
        "open. Wait for their end, or cancel what is not needed. Queries that repeat a "
        "running one count apart.",
        "贵方关于该号码的未完结查询和工单已达上限（默认 20，可配置）。"
        "请等待其办结，或撤销不需要的工单；重复进行中查询的请求另行计数。",
    ),
    ProblemKind(
        "endpoint-is-push",
        409,
        "This endpoint is posted to",
        "Items are fetched only by platforms whose endpoint has delivery pull; to all "
        "others the broker posts them.",
        "只有 delivery 为 pull 的端点才能自行获取任务，其余端点由本系统推送。",
    ),
    ProblemKind(
        "ported-in-not-covered",
        422,
        "Numbers ported in that early are not covered",
        "Numbers that were ported in before 2021 (a setting of the broker) cannot be "
        "asked about.",
        "2021 年（可配置）之前携号转入的号码不在服务范围内。",
    ),
    ProblemKind(
        "owner-since-is-port-date",
        422,
        "owner_since is the date of the port",
        "owner_since must be the first day on which the present holder held the number "
        "at any carrier, so it lies before ported_in_on. With the date of the port the "
        "holder's own accounts would be taken for a former holder's.",
        "owner_since 应为现机主在任一运营商首次持有该号码的日期，因此早于携入日期。"
        "若填携入日期，现机主自己的账号会被误认为前机主的。",
    ),
    ProblemKind(
        "action-not-offered",
        422,
        "This action is not offered",
        "close_account is possible in scope current_owner only, and at platforms that "
        "list it among their capabilities; errors points at what is in the way.",
        "close_account 仅适用于 current_owner 范围，"
        "且平台须在 capabilities 中声明支持，errors 指出不符之处。",
    ),
    ProblemKind(
        "platform-unknown",
        422,
        "There is no such platform",
        "A slug in platforms is not in the directory (GET /v1/platforms).",
        "platforms 中的某个标识不在平台目录中，请参阅 GET /v1/platforms。",
    ),
    ProblemKind(
        "platform-unavailable",
        422,
        "This platform cannot be asked at present",
        "A platform that was named is suspended, or has no verified endpoint.",
        "指定的某个平台已被暂停，或没有通过验证的端点。",
    ),
    ProblemKind(
        "no-platforms",
        422,
        "No platform is left to ask",
        "No active platform with a verified endpoint remains, or the query found "
        "nothing to act on.",
        "没有可询问的平台：没有已启用且端点通过验证的平台，或查询未发现需要处理的绑定。",
    ),
    ProblemKind(
        "query-unknown",
        422,
        "There is no such query",
        "query_id must be the id of a query of your own.",
        "query_id 必须是贵方自己提交的查询编号。",
    ),
    ProblemKind(
        "webhook-id-reused",
        422,
        "This webhook-id was used for another report",
        "A report with this webhook-id was received before, with another body. Retries "
        "repeat the body byte for byte; a new report needs a new id.",
        "此前已收到相同 webhook-id 但内容不同的结果。"
        "重试须逐字节相同，新结果须用新编号。",
    ),
)
