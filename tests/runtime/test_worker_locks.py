"""Dead workers of a data folder are told by locks that vanished with them."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID

from unbind_broker.base.ids import WorkerId
from unbind_broker.runtime.worker_locks import FOLDER, hold_worker_lock

FIRST = WorkerId(UUID(int=1))
SECOND = WorkerId(UUID(int=2))
THIRD = WorkerId(UUID(int=3))

HOLD = """
import sys
from pathlib import Path
from uuid import UUID
from unbind_broker.runtime.worker_locks import hold_worker_lock

with hold_worker_lock(Path(sys.argv[1]), UUID(int=1)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_living_worker_is_not_taken_for_dead(tmp_path: Path) -> None:
    with (
        hold_worker_lock(tmp_path, FIRST),
        hold_worker_lock(tmp_path, SECOND) as dead,
    ):
        assert dead == ()


def test_worker_that_left_is_not_counted_among_the_dead(tmp_path: Path) -> None:
    with hold_worker_lock(tmp_path, FIRST):
        pass

    with hold_worker_lock(tmp_path, SECOND) as dead:
        assert dead == ()


def test_killed_worker_is_found_dead_once(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with hold_worker_lock(tmp_path, THIRD) as dead:
            assert dead == ()
        holder.kill()

    with hold_worker_lock(tmp_path, SECOND) as dead:
        assert dead == (FIRST,)
        with hold_worker_lock(tmp_path, THIRD) as dead_again:
            assert dead_again == ()


def test_strange_files_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "notes.lock").write_text("mine")

    with hold_worker_lock(tmp_path, FIRST) as dead:
        assert dead == ()

    assert (folder / "notes.lock").read_text() == "mine"


def test_without_a_data_folder_nobody_is_told_dead() -> None:
    with hold_worker_lock(None, FIRST) as dead:
        assert dead == ()
