"""Words of what is wrong with a field of a form."""

from unbind_broker.console.wording import Words

WORDS = {
    "field.required.fault": Words("此项必填。", "This must be filled in."),
    "field.number.fault": Words("请填写整数。", "Give a whole number."),
    "field.long.fault": Words("最多 {n} 个字符。", "At most {n} characters."),
    "field.date.fault": Words("请填写日期。", "Give a date."),
    "field.future.fault": Words("日期不能晚于今天。", "It lies in the future."),
    "field.jwks.fault": Words(
        "请填写 JWK Set，即 JSON 对象。", "Give a JWK set, a JSON object."
    ),
    "field.private.fault": Words(
        "这是私钥，只能登记公钥。", "This is a private key: give its public half."
    ),
    "field.keys.fault": Words(
        "要求证明时须先登记公钥。", "Attestations cannot be checked without keys."
    ),
    "field.taken.fault": Words("此标识已被登记。", "This slug is taken."),
    "field.slug.fault": Words(
        "请使用小写字母、数字和单个连字符。",
        "Use lower-case letters, digits and single hyphens.",
    ),
    "field.domain.fault": Words(
        "请填写小写域名，例如 weibo.com。", "Give domains such as weibo.com."
    ),
    "field.cancel_url.fault": Words(
        "请填写该平台域名下的 https 地址。",
        "Give an https address on one of the platform's domains.",
    ),
    "field.some.fault": Words("请至少选择一项。", "Choose at least one."),
    "field.many.fault": Words("最多 {n} 个。", "At most {n}."),
    "field.numbers.fault": Words("请填写 1 到 {n} 个。", "Give 1 to {n} of them."),
    "field.mobile.fault": Words("不是有效的手机号码。", "This is no mobile number."),
    "field.name.fault": Words(
        "请填写 1 到 {n} 个字符，不含控制字符。",
        "Give 1 to {n} characters, none of them a control character.",
    ),
    "field.holds_number.fault": Words(
        "请勿填写电话号码。", "No phone number belongs in here."
    ),
    "field.choice.fault": Words(
        "请从列表中选择一项。", "Choose one of those of the list."
    ),
    "field.needed.fault": Words("所选角色必须填写此项。", "The role needs this."),
    "field.unneeded.fault": Words(
        "所选角色不使用此项，请留空。", "The role has none: leave it empty."
    ),
    "field.rehearse.fault": Words(
        "只有运营商的密钥可用于演练。", "Only keys of carriers rehearse."
    ),
    "field.unregistered.fault": Words(
        "没有登记过这个标识。", "Nothing is registered under this name."
    ),
    "field.other.fault": Words("填写有误（{detail}）", "This is wrong: {detail}"),
}
