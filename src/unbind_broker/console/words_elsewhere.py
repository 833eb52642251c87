"""Words of what is not done on a page, but by the API or the command line."""

from unbind_broker.console.wording import Words

WORDS = {
    "elsewhere.title": Words("在别处执行的操作", "What is done elsewhere"),
    "elsewhere.api": Words(
        "$API 为本服务地址；~/.unbind-admin 只含一行“Authorization: Bearer 密钥”。"
        "密钥和号码都写在文件里，不要写在命令行上。",
        "$API is the address of the service; ~/.unbind-admin holds one line, "
        "“Authorization: Bearer” and an administrator's key. Keys and numbers stand in "
        "files, never on the command line.",
    ),
    "elsewhere.export": Words(
        "导出与一个号码有关的全部数据（number.json：{body}）：",
        "Everything that is kept about a number (number.json: {body}):",
    ),
    "elsewhere.forget": Words(
        "销毁与一个号码有关的全部数据，不可撤销（number.json：{body}）：",
        "Destroy everything about a number, for good (number.json: {body}):",
    ),
    "elsewhere.evidence": Words(
        "取平台签名的原始报告，供离线核验：",
        "The platforms' signed reports as they came, to be checked offline:",
    ),
    "elsewhere.sealing": Words(
        "查看正在使用的加密密钥：", "Which keys seal numbers and secrets:"
    ),
    "elsewhere.verify": Words("校验全部审计记录：", "Check the whole trail:"),
    "elsewhere.import": Words(
        "批量登记平台（JSON 或 CSV）：", "Register many platforms, from JSON or CSV:"
    ),
    "elsewhere.conformance": Words(
        "按完整协议检验平台的接收端：",
        "Try a platform's endpoint by the whole contract:",
    ),
    "elsewhere.expiring": Words(
        "签发有有效期的密钥：", "Issue a key that expires by itself:"
    ),
}
