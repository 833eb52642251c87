"""Whatever goes wrong on the way to a platform is said in words."""

import errno
import socket
import ssl
from typing import cast

import pytest

from unbind_broker.console.platform_faults import explain
from unbind_broker.console.visits import Visit
from unbind_broker.console.wording import Language
from unbind_broker.console.words import say
from unbind_broker.sending.faults import name_fault


class Reader:
    """Somebody who reads one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)


def told(error: str | None, language: Language = "en") -> str:
    return explain(cast("Visit", Reader(language)), error)


@pytest.mark.parametrize(
    ("error", "zh", "en"),
    [
        ("answered 503", "503（服务暂不可用）", "answers 503"),
        ("answered 410 Gone", "410", "gone for good"),
        ("answered 418", "平台回应 418（拒绝请求）", "answers 418 (it refuses"),
        ("answered 507", "平台内部故障", "a fault on its side"),
        ("answered 301", "重定向", "a redirection"),
        (
            "no whole answer within 10 s",
            "10 秒",
            "Timeout: no whole answer within 10 s",
        ),
        ("no connection within 5 s", "连接超时", "Timeout: it could not be connected"),
        ("name does not resolve", "DNS", "DNS"),
        ("TLS: certificate has expired", "证书已过期", "certificate has expired"),
        ("TLS: certificate is not yet valid", "未通过验证", "not yet valid"),
        ("address refused: loopback", "地址不允许访问", "may not be posted to"),
        (
            "presumably the broker's own network: connection refused",
            "疑似本服务自身网络问题：连接被拒绝",
            "own network: Nothing listens",
        ),
    ],
)
def test_error_is_said_in_both_languages(error: str, zh: str, en: str) -> None:
    assert zh in told(error, "zh")
    assert en in told(error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "x"),
        ConnectionResetError(errno.ECONNRESET, "x"),
        TimeoutError(),
        socket.gaierror(socket.EAI_NONAME, "x"),
        ssl.SSLError(1, "x"),
        OSError(errno.ENETUNREACH, "x"),
        OSError(errno.EIO, "x"),
    ],
    ids=repr,
)
def test_every_fault_of_the_network_has_words_of_its_own(error: OSError) -> None:
    assert told(name_fault(error), "zh") != name_fault(error)


def test_what_is_not_known_stays_as_it_was_told() -> None:
    assert told("something quite new") == "something quite new"
    assert told(None) == told("") == ""
