"""Words of the page of keys."""

from unbind_broker.console.wording import Words

WORDS = {
    "keys.title": Words("密钥", "Keys"),
    "keys.id": Words("编号", "Id"),
    "keys.name": Words("名称", "Name"),
    "keys.name.hint": Words(
        "便于识别用途；留空则用角色名。", "What it is for. Left out: its role."
    ),
    "keys.role": Words("角色", "Role"),
    "keys.holder": Words("持有者", "Holder"),
    "keys.hint": Words("末四位", "Ends in"),
    "keys.created": Words("签发", "Issued"),
    "keys.status": Words("状态", "Status"),
    "keys.living": Words("有效", "Valid"),
    "keys.ended": Words("已吊销", "Revoked"),
    "keys.expired": Words("已过期", "Expired"),
    "keys.suspended": Words("持有者已被暂停", "Holder suspended"),
    "keys.sandbox": Words("演练", "Rehearsal"),
    "keys.sandbox.field": Words(
        "演练密钥（仅限运营商）", "For rehearsals (carriers only)"
    ),
    "keys.none": Words(
        "还没有密钥。可用下方表单签发。", "There is no key yet. Issue one below."
    ),
    "keys.issue": Words("签发新密钥", "Issue a key"),
    "keys.issue.submit": Words("签发", "Issue"),
    "keys.carrier": Words("运营商标识", "Carrier"),
    "keys.carrier.hint": Words(
        "角色为运营商时填写，例如 china-mobile。",
        "For the role carrier, such as china-mobile.",
    ),
    "keys.platform": Words("平台标识", "Platform"),
    "keys.platform.hint": Words(
        "角色为平台时填写，例如 weibo。", "For the role platform, such as weibo."
    ),
    "keys.issued": Words("密钥已签发", "The key is issued"),
    "keys.issued.once": Words(
        "请立即复制：密钥只显示这一次，之后无法再查看。",
        "Copy it now: it is shown this once and never again.",
    ),
    "keys.issued.text": Words("新密钥", "The new key"),
    "keys.back": Words("返回密钥列表", "Back to the keys"),
    "keys.revoke": Words("吊销密钥", "Revoke the key"),
    "keys.revoke.preview": Words("吊销…", "Revoke…"),
    "keys.revoke.of": Words("吊销密钥 {id}", "Revoke key {id}"),
    "keys.revoke.warning": Words(
        "此密钥将立即在所有进程中失效，且无法恢复。",
        "The key ends at once on every process, and cannot be brought back.",
    ),
    "keys.revoke.own": Words(
        "这是您本次登录所用的密钥：吊销后您会立即退出登录，且此密钥无法恢复。",
        "This is the key that you are signed in with: you are signed out at once, and "
        "it cannot be brought back.",
    ),
    "keys.revoked": Words("密钥 {id} 已吊销。", "Key {id} is revoked."),
}
