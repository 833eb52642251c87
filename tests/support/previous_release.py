"""The code of the release before, taken out of the history of this repository."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

COMMIT = "9d9fa0efa17b09988af1f3333fc21745fbbc99be"
"""The last commit whose newest migration is ``REVISION``: whoever runs it is upgraded
from there. Move both on with each release that changes the schema."""

REVISION = "0002"

_REPOSITORY = Path(__file__).parents[2]
# The files may belong to somebody else than whoever runs the tests.
_GIT = ("git", "-c", "safe.directory=*", "-C", str(_REPOSITORY))


def unpack_previous(folder: Path) -> Path:
    """Unpack the release before into ``folder``; return what goes to ``PYTHONPATH``."""
    if not (_REPOSITORY / ".git").exists():
        pytest.skip("this is no clone: there is no history to take old code from")
    archive = subprocess.run(
        (*_GIT, "archive", "--format=tar", COMMIT, "src", "migrations"),
        capture_output=True,
        check=False,
    )
    assert archive.returncode == 0, (
        f"commit {COMMIT[:7]} is not in this clone; fetch the whole history with "
        f"`git fetch --unshallow`\n{archive.stderr.decode()}"
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder / "src"
