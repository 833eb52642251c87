"""Names that stand for whatever a test says, and change their meaning."""

import socket
import threading
from collections import Counter
from collections.abc import Sequence

from unbind_broker.base.name_lookup import Found


def found(*addresses: str) -> list[Found]:
    return [
        Found(
            socket.AF_INET6 if ":" in one else socket.AF_INET, socket.IPPROTO_TCP, one
        )
        for one in addresses
    ]


class ChangingNames:
    """Answer each question with the next addresses; the last ones remain."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _: int, __: socket.AddressFamily) -> list[Found]:
        self.asked.append(host)
        return found(*self.answers[min(len(self.asked), len(self.answers)) - 1])


class HangingNames:
    """Answer with loopback, but let names that begin with ``hang`` hang."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.released = threading.Event()

    def __call__(self, host: str, _: int, __: socket.AddressFamily) -> list[Found]:
        self.asked[host] += 1
        if host.startswith("hang"):
            self.released.wait(30)
        return found("127.0.0.1")
