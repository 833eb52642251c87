"""The file `postmaster.pid`, and whether the process it names is what it says."""

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_SOCKET_FOLDER_LINE = 4
_STATUS_LINE = 7
_MARK = "unbind_broker.folder="


@dataclass(frozen=True, slots=True)
class PidFile:
    """Who serves a database folder, in the server's own words."""

    pid: int
    identity: tuple[str, ...]
    socket_folder: Path | None
    is_ready: bool


def read_pid_file(cluster: Path) -> PidFile | None:
    """Read the file; None when it is missing or still being written."""
    with suppress(FileNotFoundError):
        return parse_pid_file((cluster / "postmaster.pid").read_text(errors="replace"))
    return None


def parse_pid_file(text: str) -> PidFile | None:
    """Take pid, folder and start time as the server's identity.

    The later lines come and change while it starts.
    """
    lines = text.splitlines()
    if len(lines) < _SOCKET_FOLDER_LINE - 1 or not lines[0].strip().isdigit():
        return None
    named = lines[_SOCKET_FOLDER_LINE : _SOCKET_FOLDER_LINE + 1]
    folder = Path(named[0]) if named and named[0].startswith("/") else None
    is_ready = lines[_STATUS_LINE : _STATUS_LINE + 1] == ["ready   "]
    return PidFile(int(lines[0]), tuple(lines[:3]), folder, is_ready)


def mark(cluster: Path) -> str:
    """Give the words on a server's command line that tell whose it is.

    The folder's inode stays when it is moved or reached by another path, and a
    copy has another one.
    """
    state = cluster.stat()
    return f"{_MARK}{state.st_dev}:{state.st_ino}"


def serves(pid: int, cluster: Path) -> bool:
    """Tell whether the process is a server that we started on this folder.

    Anybody may read a command line; a process's working directory is hidden
    even from root inside most containers.
    """
    return mark(cluster) in _command_line(pid)


def is_strange_server(pid: int, cluster: Path) -> bool:
    """Tell whether the process is a Postgres that somebody else put here.

    One whose folder cannot be learnt counts as such: better to ask the person
    than to let two servers write one database.
    """
    words = _command_line(pid)
    if Path(words[0]).name not in {"postgres", "postmaster"}:
        return False
    if any(word.startswith(_MARK) for word in words):
        return False
    for place in (f"/proc/{pid}/cwd", _folder_named_in(words)):
        with suppress(OSError):
            return Path(place).samefile(cluster)
    return True


def is_there(pid: int) -> bool:
    """Tell whether some process, or the remains of one, has this pid."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _folder_named_in(words: list[str]) -> str:
    named = [folder for option, folder in pairwise(words) if option == "-D"]
    return named[0] if named else "/nowhere"


def _command_line(pid: int) -> list[str]:
    if not Path("/proc/self").exists():
        return _told_by_ps(pid)
    try:
        line = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        line = ""
    return line.split("\0")


def _told_by_ps(pid: int) -> list[str]:
    """Ask `ps` where there is no /proc; words with blanks in them fall apart."""
    said = subprocess.run(  # noqa: S603 - a number is the only variable part
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        check=False,
        text=True,
    ).stdout
    return said.split() or [""]
