"""What the examples in JavaScript need, fetched once for all test processes."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.examples.receivers import EXPRESS

PATIENCE = 60.0
FLAGS = (
    "--no-package-lock",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)


@pytest.fixture(scope="session")
def express(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Give a folder that holds the receiver and the packages that it pins."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "express"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "failed").exists() and not (folder / "node_modules").exists():
            shutil.copytree(EXPRESS, folder, ignore=shutil.ignore_patterns("node_*"))
            if not _installed(folder):
                (folder / "failed").touch()
    if (folder / "failed").exists():
        pytest.skip("npm could not fetch what package.json pins: is there a network?")
    return folder


@pytest.fixture
def express_copy(express: Path, tmp_path: Path) -> Path:
    """Give a folder of this test's own: a receiver keeps files beside itself."""
    shutil.copy(express / "server.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(express / "node_modules")
    return tmp_path


def _installed(folder: Path) -> bool:
    try:
        done = subprocess.run(
            ("npm", "install", *FLAGS),
            cwd=folder,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
