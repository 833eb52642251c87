"""Read a page's blocks, run them as one session, compare what it says they print."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A# ([a-z_]+\.py)\n")
MARK = "=== block {} ==="
LEFT_OUT = "…"
_VARYING = (
    (re.compile(r"\b(ord|qry|evt|clr|att)_[0-9a-z]{26}\b"), r"\1_"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "T"),
)


@dataclass(frozen=True)
class Block:
    """A block, and where the page shows it what is printed."""

    kind: str
    text: str
    output: str | None = None


def blocks_of(page: str) -> list[Block]:
    """Give a page's blocks; ``text`` belongs to the one before it."""
    blocks: list[Block] = []
    for kind, text in FENCE.findall((ROOT / page).read_text(encoding="utf-8")):
        if kind == "text" and blocks:
            last = blocks.pop()
            blocks.append(Block(last.kind, last.text, text))
        else:
            blocks.append(Block(kind, text))
    return blocks


def session(blocks: list[Block], folder: Path) -> str:
    """Write down the Python files that blocks hold, and one script of the others.

    Every block of a page's session may use what those before it have set.
    """
    ending = "kill $(jobs -p) 2>/dev/null || true; wait"
    lines = ["set -euo pipefail", f"trap '{ending}' EXIT"]
    for place, block in enumerate(blocks):
        if block.kind == "python":
            found = FILE.match(block.text)
            assert found, f"which file is this?\n{block.text}"
            (folder / found[1]).write_text(block.text, encoding="utf-8")
        elif block.kind == "sh":
            lines += [f"echo; echo '{MARK.format(place)}'", block.text]
    return "\n".join(lines)


def printed_by(place: int, printed: str) -> str:
    """Give what one block of a session printed."""
    rest = printed.partition(MARK.format(place))[2]
    return rest.partition("=== block ")[0]


def agrees(shown: str, printed: str) -> bool:
    """Compare, but for white space, ids, instants, and what ``…`` leaves out."""
    parts = [re.escape(_levelled(part)) for part in shown.split(LEFT_OUT)]
    return re.fullmatch(".*?".join(parts), _levelled(printed), re.DOTALL) is not None


def _levelled(text: str) -> str:
    for pattern, level in _VARYING:
        text = pattern.sub(level, text)
    return re.sub(r"\s+", "", text)
