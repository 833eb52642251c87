"""Problems around ownership, undoing, guards and proof."""

from unbind_broker.api.problem_kind import ProblemKind

PROTECTION_KINDS = (
    ProblemKind(
        "orders-open",
        409,
        "Orders about this number are still open",
        "What is kept about a number is destroyed only when nothing about it is under "
        "way. Have the open orders cancelled, or wait for their end.",
        "该号码尚有未完结的查询或解绑单，须先撤销或等待完结后才能销毁其数据。",
    ),
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
    ProblemKind(
        "ownership-superseded",
        409,
        "A later holder of this number is known",
        "The number is somebody else's now: a later holder is known than the one who "
        "has held it since owner_since. An administrator can retract a wrong holding.",
        "该号码已知有更晚的机主，owner_since 所指机主已不再持有；"
        "如有错误，可由系统管理员撤回有误的持有记录。",
    ),
    ProblemKind(
        "unbinding-braked",
        409,
        "Unbinding is stopped",
        "Too many results spoke against this carrier's dates, or an administrator "
        "stopped unbinding. Queries and restore orders go on; unbind orders are taken "
        "again when an administrator has released the brake.",
        "解绑已被暂停：该运营商的异常结果过多，或系统管理员已叫停解绑。"
        "查询与恢复照常进行，管理员解除后方可再次提交解绑单。",
    ),
    ProblemKind(
        "order-already-completed",
        409,
        "This order is completed already",
        "Nothing of it is open any more, so there is nothing to cancel. What was "
        "detached is attached again by a restore order.",
        "该工单已办结，无法撤销；已解绑的内容可通过恢复工单（restore）恢复。",
    ),
    ProblemKind(
        "undoes-violation",
        409,
        "This order undoes a violation",
        "A platform removed what lay outside the interval, and the broker asks it to "
        "attach that again. Such an order cannot be cancelled.",
        "平台越界解绑后，由本系统下发此恢复工单，要求其恢复绑定；此类工单不能撤销。",
    ),
    ProblemKind(
        "nothing-to-restore",
        409,
        "There is nothing to attach again",
        "No item of this order is detached and still within its restorable_until at a "
        "platform that can be asked at present.",
        "该工单没有可恢复的明细：须已解绑、仍在 restorable_until 之前，"
        "且平台目前可接收请求。",
    ),
    ProblemKind(
        "not-restorable",
        422,
        "There is nothing to attach again at this platform",
        "A platform that was named has no item in this order that is shown as detached "
        "and still within its restorable_until; errors points at it.",
        "指定的某个平台在该工单中没有可恢复的明细，errors 指出是哪一个。",
    ),
    ProblemKind(
        "order-not-completed",
        409,
        "The order is not completed",
        "A receipt states the outcome, so there is one only when the query or order is "
        "completed or cancelled.",
        "回执记载处理结果，须在查询或工单办结或撤销之后才能出具。",
    ),
    ProblemKind(
        "event-not-sealed",
        409,
        "This event is not sealed yet",
        "Events are sealed within about a second of the end of every older transaction;"
        " try again in a moment.",
        "该事件尚未封存，通常一秒左右即会封存，请稍后重试。",
    ),
    ProblemKind(
        "event-not-as-sealed",
        409,
        "This event is not as it was sealed",
        "The event, or the seal, was changed in the database. Run: unbind-broker audit "
        "verify.",
        "该事件或其封存记录在数据库中被改动，请运行 unbind-broker audit verify 核查。",
    ),
    ProblemKind(
        "cosignature-invalid",
        422,
        "The signature does not verify",
        "Expected an Ed25519 signature of the seal's statement, its very bytes in "
        "UTF-8, by the key that came with it.",
        "签名验证失败：须以所附公钥对应的私钥，对封存声明（statement）的 UTF-8 "
        "原始字节作 Ed25519 签名。",
    ),
)
