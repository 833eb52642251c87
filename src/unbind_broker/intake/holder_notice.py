"""The notice for whoever takes a number, in Chinese and English.

It tells nothing of who held the number before, nor of any service that one used: how
the clearing went is the shop's to know. What is not known is called unknown.
"""

from typing import NamedTuple


class Notice(NamedTuple):
    """One text in two languages; paragraphs are parted by line breaks."""

    zh: str
    en: str


def notice_for(*, recycled: bool | None, cleared: bool) -> Notice:
    """Write the notice for a number that was used before, was not, or perhaps was."""
    parts = [_USED[recycled]]
    if cleared:
        parts.append(_CLEARED)
    if recycled is not False:
        parts.append(_EXPECT)
    parts += [_HELP, _RIGHTS]
    return Notice(
        "\n".join(part.zh for part in parts), "\n".join(part.en for part in parts)
    )


_USED = {
    True: Notice(
        "您办理的手机号码曾由其他用户使用过。",
        "The mobile number you are taking was used by somebody else before you.",
    ),
    False: Notice(
        "根据现有记录，未发现您办理的手机号码曾由其他用户使用；该记录可能并不完整。",
        "As far as our records go, the mobile number you are taking was not used by "
        "anybody else before you. The records may be incomplete.",
    ),
    None: Notice(
        "现有记录无法确定您办理的手机号码是否曾由其他用户使用；"
        "手机号码在停用后可能重新投入使用。",
        "Our records do not tell whether the mobile number you are taking was used "
        "before. Numbers that were given up may be put to use again.",
    ),
}
_CLEARED = Notice(
    "在重新投放前，我们已请参与换绑服务的互联网平台处理该号码此前留下的绑定关系。"
    "并非所有平台都参与，个别绑定也可能依法或因其他原因保留。",
    "Before the number was offered again, internet services that take part were asked "
    "to detach what had been bound to it earlier. Not every service takes part, and "
    "some bindings may remain, for legal or other reasons.",
)
_EXPECT = Notice(
    "因此，部分互联网服务可能仍将该号码识别为他人账号：您在注册时可能被提示号码已被使用，"
    "也可能收到并非发给您的短信、验证码或来电。"
    "请勿使用此类验证码登录他人账号，也不要转发给任何人。",
    "Some services may therefore still take the number for another person's: signing "
    "up may fail because the number is in use, and you may get messages, codes or "
    "calls that are not meant for you. Please do not use such codes to enter another "
    "person's account, and pass them on to nobody.",
)
_HELP = Notice(
    "您可以免费通过本运营商的手机应用或营业厅查询该号码在您入网之前留下的绑定关系，"
    "并申请解除；也可以直接联系相应服务的客服。您本人的账号不受影响。",
    "In your carrier's app or shop you can ask, free of charge, which bindings from "
    "before your time the number still has, and have them detached. You can also turn "
    "to a service's own support. Your own accounts are not touched by this.",
)
_RIGHTS = Notice(
    "本提示仅供了解号码情况，不减少您依法享有的任何权利。",
    "This notice is for your information. It takes away none of your legal rights.",
)
