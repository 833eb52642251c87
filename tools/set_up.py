"""Make `.venv` hold what a requirements file pins, and this project.

Runs on a bare interpreter, before anything is installed: standard library only.
"""

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / "set-up-unfinished"
PINS = {
    "runtime": ("requirements.txt", "requirements-build.txt"),
    "dev": ("requirements-dev.txt",),
}
ALWAYS_READ = ("pyproject.toml", "requirements.txt", "requirements-build.txt")


class SetUpError(Exception):
    """Say in one line what stands in the way."""


def main() -> None:
    """Bring `.venv` up to date for `runtime` or `dev`, or do nothing if it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("level", choices=PINS)
    parser.add_argument(
        "--this-python",
        action="store_true",
        help="make .venv anew if it was made by another Python version",
    )
    options = parser.parse_args()
    try:
        with one_at_a_time():
            set_up(options.level, this_python=options.this_python)
    except SetUpError as error:
        sys.exit(str(error))
    except PermissionError as error:
        sys.exit(f"Cannot write {error.filename}: run this as the owner of {ROOT}.")
    except KeyboardInterrupt:
        sys.exit(130)


def set_up(level: str, *, this_python: bool) -> None:
    """Install only what is missing; start anew where an earlier run broke off."""
    if not is_usable(this_python=this_python):
        make_venv()
    elif is_current(level):
        return
    started = time.monotonic()
    say(f"Installing the {level} requirements into .venv …")
    UNFINISHED.touch()
    # Python compiles what it imports; compiling all of it first takes seconds more.
    pins = each_with_flag("-r", PINS[level])
    pip("install", "--no-compile", "--require-hashes", *pins)
    pip("install", "--no-deps", "--no-build-isolation", "--editable", ".")
    stamp_of(level).write_text(stamp(level), encoding="utf-8")
    UNFINISHED.unlink()
    say(f"Installed in {time.monotonic() - started:.0f} s.")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold a lock that vanishes with the process; `make -j` meets itself here."""
    with Path(__file__).open(encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up to finish …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_usable(*, this_python: bool) -> bool:
    """Tell whether `.venv` is whole, at home, and made by a suitable Python."""
    if UNFINISHED.exists() or not VENV_PYTHON.exists() or was_moved():
        return False
    probe = subprocess.run(
        [VENV_PYTHON, "-c", "import pip, sys; print(*sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode != 0:
        return False
    major, minor = map(int, probe.stdout.split())
    if this_python and (major, minor) != sys.version_info[:2]:
        return False
    return (major, minor) >= (3, 11)


def make_venv() -> None:
    """Make an empty virtual environment in place of whatever is there."""
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"Making .venv with Python {version} …")
    # An activated .venv must not be asked to delete itself.
    base = getattr(sys, "_base_executable", sys.executable)
    if VENV.exists():
        shutil.rmtree(VENV)
    made = subprocess.run([base, "-m", "venv", VENV], check=False)
    if made.returncode != 0:
        raise SetUpError(f"Python {version} could not make {VENV}, see above.")


def was_moved() -> bool:
    """Tell whether `.venv` came from another folder: its scripts point there."""
    stamps = (stamp_of(level) for level in PINS)
    return any(not read(one).startswith(f"{VENV}\n") for one in stamps if one.exists())


def is_current(level: str) -> bool:
    """Tell whether nothing changed since `level`, or more, was installed."""
    levels = ("runtime", "dev") if level == "runtime" else ("dev",)
    return any(
        stamp_of(one).exists() and read(stamp_of(one)) == stamp(one) for one in levels
    )


def stamp_of(level: str) -> Path:
    """Name the file that says what was installed."""
    return VENV / f"set-up-{level}"


def stamp(level: str) -> str:
    """Say where, and from which pins, `level` is installed."""
    seen = hashlib.sha256()
    for name in (*ALWAYS_READ, *PINS[level]):
        seen.update(hashlib.sha256((ROOT / name).read_bytes()).digest())
    return f"{VENV}\n{seen.hexdigest()}\n"


def read(path: Path) -> str:
    """Read a small text file."""
    return path.read_text(encoding="utf-8")


def pip(*arguments: str) -> None:
    """Run the environment's own pip quietly; its complaints pass through."""
    quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
    as_root = ("--root-user-action", "ignore")
    command = [str(VENV_PYTHON), "-m", "pip", *quiet, *arguments, *as_root]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    if ended.returncode == 0:
        return
    if ended.returncode > 0:
        # pip rolled its work back; only a killed one leaves half a package.
        UNFINISHED.unlink()
    raise SetUpError("pip could not install the requirements, see above.")


def each_with_flag(flag: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Put the flag in front of every name."""
    return tuple(part for name in names for part in (flag, name))


def say(text: str) -> None:
    """Tell the person what takes time, apart from the program's own output."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
