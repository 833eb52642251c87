"""What is said about one kind of problem."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProblemKind:
    """One ``type`` of RFC 9457 §3.1.1, explained for the people who meet it."""

    code: str
    status: int
    title: str
    meaning: str
    meaning_zh: str
