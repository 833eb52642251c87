"""Run commands in this process, against a database of the test's own."""

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.garbage import garbage_as_before
from tests.support.logs import logs_put_back
from unbind_broker.base.sealing import generate_key
from unbind_broker.cli.main import run


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def garbage() -> Iterator[None]:
    with garbage_as_before():
        yield


@pytest.fixture
def nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[pytest.MonkeyPatch]:
    """An environment without settings; logs and signals are as before in the end."""
    for name in ("DATABASE_URL", "DATA_DIR", "SECRET_KEYS", "INDEX_KEY"):
        monkeypatch.delenv(f"UNBIND_{name}", raising=False)
    monkeypatch.setenv("UNBIND_DRAIN_NOTICE", "0s")  # no balancer is to be told
    monkeypatch.chdir(tmp_path)
    signals = {
        number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    with logs_put_back():
        yield monkeypatch
    for number, handler in signals.items():
        signal.signal(number, handler)


@pytest.fixture
def command(nowhere: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run ``unbind-broker`` with these arguments."""

    def run_command(*arguments: str) -> Ended:
        capfd.readouterr()
        nowhere.setattr(sys, "argv", ["unbind-broker", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        out, err = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, out, err)

    return run_command


@pytest.fixture
def on_server(nowhere: pytest.MonkeyPatch, database_url: str) -> pytest.MonkeyPatch:
    """An environment that names this test's database."""
    plain = make_url(database_url).set(drivername="postgresql")
    nowhere.setenv("UNBIND_DATABASE_URL", plain.render_as_string(hide_password=False))
    nowhere.setenv("UNBIND_SECRET_KEYS", generate_key())
    nowhere.setenv("UNBIND_INDEX_KEY", generate_key())
    return nowhere
