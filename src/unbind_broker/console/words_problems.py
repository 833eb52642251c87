"""Words of the pages of errors: a heading and an advice per code."""

from unbind_broker.console.wording import Words

WORDS = {
    "problem.request": Words("请求编号", "Request id"),
    "problem.code": Words("错误代码", "Code"),
    "problem.detail": Words("详细说明", "In detail"),
    "problem.home": Words("返回控制台首页", "To the first page of the console"),
    "problem.other": Words("操作未能完成", "This could not be done"),
    "problem.not-found": Words("没有此页面或对象", "There is nothing here"),
    "problem.not-found.advice": Words(
        "它可能已不存在，或地址有误。",
        "It may be gone, or the address is wrong.",
    ),
    "problem.method-not-allowed": Words("不支持此操作方式", "Not in this way"),
    "problem.method-not-allowed.advice": Words(
        "请从页面上的按钮执行操作。", "Use the buttons of the pages."
    ),
    "problem.wrong-role": Words("此密钥无权查看", "Not with this key"),
    "problem.wrong-role.advice": Words(
        "审计员的密钥只能查看审计页面。",
        "An auditor's key shows the pages of the audit alone.",
    ),
    "problem.validation-failed": Words(
        "填写内容有误", "Something is filled in wrongly"
    ),
    "problem.validation-failed.advice": Words(
        "请返回修改后重新提交。", "Go back, change it and send it again."
    ),
    "problem.foreign-form": Words(
        "表单不属于本次登录", "The form was not made for this login"
    ),
    "problem.foreign-form.advice": Words(
        "未执行任何操作。请重新打开页面后再提交。",
        "Nothing was done. Open the page again and send it from there.",
    ),
    "problem.form-sent-before": Words("此表单已提交过", "This form was sent before"),
    "problem.form-sent-before.advice": Words(
        "第一次提交已经生效，没有重复执行。请重新打开页面查看结果；"
        "若签发的密钥未能看到，请将其吊销后重新签发。",
        "It was acted on the first time, and not again. Open the page anew and look. A "
        "key that you did not get to see cannot be shown again: revoke it, and issue "
        "another.",
    ),
    "problem.unreadable-form": Words("表单无法读取", "The form cannot be read"),
    "problem.unreadable-form.advice": Words(
        "未执行任何操作。请重新打开页面后再提交。",
        "Nothing was done. Open the page again and send it from there.",
    ),
    "problem.database-unavailable": Words(
        "数据库暂时无法连接", "The database cannot be reached"
    ),
    "problem.database-unavailable.advice": Words(
        "刚才的操作可能已经完成，也可能没有：稍后请先查看结果再重试。",
        "What you just did may or may not be done: look before you try again.",
    ),
    "problem.internal-error": Words("服务内部出错", "Something went wrong inside"),
    "problem.internal-error.advice": Words(
        "请凭请求编号在日志中查找原因。",
        "The log tells why: look for the request id.",
    ),
}
