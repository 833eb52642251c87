"""Words of the pages on which platforms and carriers are registered and changed."""

from unbind_broker.console.wording import Words

WORDS = {
    "registry.yes": Words("是", "yes"),
    "registry.no": Words("否", "no"),
    "carrier.new": Words("登记运营商", "Register a carrier"),
    "carrier.new.intro": Words(
        "登记后在“密钥”页为其签发密钥，即可调用。",
        "It can call as soon as a key is issued to it, on the page of keys.",
    ),
    "carrier.back": Words("返回运营商列表", "Back to the carriers"),
    "carrier.slug": Words("标识", "Slug"),
    "carrier.slug.hint": Words(
        "小写字母、数字和单个连字符，例如 china-mobile；登记后不能修改。",
        "Lower-case letters, digits, single hyphens, such as china-mobile. It never "
        "changes.",
    ),
    "carrier.name_zh": Words("中文名称", "Chinese name"),
    "carrier.name_en": Words("英文名称", "English name"),
    "carrier.created": Words("登记时间", "Registered"),
    "carrier.last_change": Words("最近修改", "Changed last"),
    "carrier.jwks": Words("证明公钥", "Attestation keys"),
    "carrier.jwks.field": Words("证明公钥（JWK Set）", "Attestation keys (JWK set)"),
    "carrier.jwks.hint": Words(
        "仅公钥，Ed25519 或 P-256，每个有 kid；可留空。",
        "Public halves only, Ed25519 or P-256, each with a kid. May be left out.",
    ),
    "carrier.jwks.hint.change": Words(
        "留空则不变；填写后替换全部公钥。",
        "Left out: they stay. Otherwise it replaces them all.",
    ),
    "carrier.keys.warning": Words(
        "移除的公钥立即失效，用其签名的证明将被拒绝。密钥泄露时应立即移除。",
        "A key that is taken out checks nothing any more: what it signed is refused. "
        "Take it out at once where it leaked.",
    ),
    "carrier.attestation_required": Words("须附证明", "Must attest"),
    "carrier.attestation_required.field": Words(
        "查询和订单必须附带证明", "Its queries and orders must carry an attestation"
    ),
    "carrier.rate": Words("调用速率", "Rate of calls"),
    "carrier.rate.value": Words(
        "每秒 {rate} 次，突发 {burst} 次", "{rate} a second, {burst} at once"
    ),
    "carrier.rate.hint": Words(
        "对所有运营商相同，由下列设置决定，重启后生效：",
        "The same for all carriers; by these settings, after a restart:",
    ),
    "carrier.orders": Words("查看其订单", "Show its orders"),
    "carrier.change": Words("修改运营商资料", "Change what is known of it"),
    "carrier.added": Words(
        "{slug} 已登记。下一步：在“密钥”页为其签发密钥。",
        "{slug} is registered. Next: issue a key to it, on the page of keys.",
    ),
    "carrier.changed": Words("运营商资料已修改。", "It is changed."),
    "carrier.same": Words("没有任何改动。", "There is nothing to change."),
    "profile.new": Words("登记平台", "Register a platform"),
    "profile.new.intro": Words(
        "登记后为其签发密钥，平台用密钥自行登记接收地址；验证通过后开始接收。",
        "Issue a key to it afterwards. By that key the platform registers its endpoint "
        "itself, and gets items as soon as that is verified.",
    ),
    "profile.change": Words("修改平台资料", "Change what is known of it"),
    "profile.preview": Words("预览", "Preview"),
    "profile.slug": Words("标识", "Slug"),
    "profile.slug.hint": Words(
        "小写字母、数字和单个连字符，例如 weibo；登记后不能修改。",
        "Lower-case letters, digits, single hyphens, such as weibo. It never changes.",
    ),
    "profile.name_zh": Words("中文名称", "Chinese name"),
    "profile.name_en": Words("英文名称", "English name"),
    "profile.name.hint": Words("留空则使用标识。", "Left out: the slug."),
    "profile.category": Words("类别", "Category"),
    "profile.category.hint": Words(
        "小写英文，例如 social、bank。", "Lower case, such as social or bank."
    ),
    "profile.sensitive": Words("敏感平台", "Sensitive"),
    "profile.sensitive.field": Words(
        "敏感平台（交友、医疗、博彩、借贷等）：不向现持有人透露名称",
        "Sensitive (dating, health, gambling, lending …): never named to the present "
        "holder",
    ),
    "profile.sandbox.field": Words(
        "仅用于演练的测试端（登记后不能修改）",
        "A test endpoint, for rehearsals only (never changes)",
    ),
    "profile.world": Words("环境", "World"),
    "profile.domains": Words("域名", "Domains"),
    "profile.domains.hint": Words(
        "平台可引导用户前往的域名（含子域名），用空格分隔。",
        "Where it may send people, sub-domains included; apart by spaces.",
    ),
    "profile.capabilities": Words("可办理的事项", "What it can be asked to do"),
    "profile.can.detach": Words("解绑", "Detach"),
    "profile.can.close_account": Words("注销账号", "Close the account"),
    "profile.can.restore": Words("恢复", "Restore"),
    "profile.cancel_url": Words("自助注销页面", "Page to cancel by hand"),
    "profile.cancel_url.hint": Words(
        "https 地址，须在上述域名之下。", "https, on one of its domains."
    ),
    "profile.forever": Words(
        "标识和环境登记后不能修改，平台不能删除。",
        "Slug and world never change, and it cannot be removed.",
    ),
    "profile.hides": Words(
        "运营商将不再看到该平台的名称和结果，包括已有订单；只计入敏感平台数。",
        "Carriers see its name and results no more, of orders that there are already "
        "either; it is only counted.",
    ),
    "profile.reveals": Words(
        "运营商将看到该平台的名称和结果，包括以往订单，无法收回。",
        "Carriers will see its name and results, of past orders too. What they have "
        "read cannot be taken back.",
    ),
    "profile.added": Words(
        "{slug} 已登记。下一步：在“密钥”页为其签发密钥。",
        "{slug} is registered. Next: issue a key to it, on the page of keys.",
    ),
    "profile.changed": Words("平台资料已修改。", "It is changed."),
    "profile.same": Words("没有任何改动。", "There is nothing to change."),
}
