"""The command that tries an endpoint: what it prints, and how it ends."""

import asyncio
import json
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conformance.platform import Platform
from tests.support.ports import a_free_port
from unbind_broker.conformance.plan import new_key, new_secret
from unbind_broker.conformance.registry import RULES

SECRET, KEY = new_secret().text, new_key()
ANY_PORT = ("--port", "0")
"""The usual one is another test's, perhaps."""


@contextmanager
def a_platform(fault: str = "") -> Iterator[tuple[str, str]]:
    """Run a platform beside the command; gives its URL and the port it reports to."""
    port = a_free_port()
    platform = Platform(SECRET, KEY, f"http://127.0.0.1:{port}", fault)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opened = platform.opened()
    asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(60)
    try:
        yield platform.url, str(port)
    finally:
        closing = opened.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(closing, loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def known(nowhere: pytest.MonkeyPatch) -> None:
    nowhere.setenv("UNBIND_CONFORMANCE_SECRET", SECRET)
    nowhere.setenv("UNBIND_CONFORMANCE_KEY", KEY)


@pytest.mark.usefixtures("known")
def test_right_platform_ends_with_code_0(command: Command, tmp_path: Path) -> None:
    with a_platform() as (url, port):
        ended = command(
            "conformance", url, "--port", port, "--json-file", "report.json"
        )

    assert ended.code == 0
    assert "✓ interval-both" in ended.out
    assert "✗" not in ended.out
    assert ended.out.endswith(
        f"{len(RULES) - 2} hold, 0 do not, 0 advice, 2 not judged\n"
    )
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["holds"], report["url"]) == (True, url)
    assert ended.err.endswith(f"Trying {len(RULES)} rules …\n")
    assert SECRET not in ended.out + ended.err
    assert KEY not in ended.out + ended.err


@pytest.mark.usefixtures("known")
def test_fault_ends_with_code_1_and_is_explained(command: Command) -> None:
    with a_platform("takes-both-holders") as (url, port):
        only = ("--only", "interval-both", "--only", "challenge")
        ended = command("conformance", url, "--port", port, *only)
        chinese = command("conformance", url, "--port", port, *only, "--lang", "zh")

    assert (ended.code, chinese.code) == (1, 1)
    lines = [line.strip() for line in ended.out.splitlines()]
    assert lines[0].startswith("✓ challenge")
    assert lines[1].startswith("✗ interval-both")
    assert lines[2].startswith("seen: the other holder's binding was removed too")
    sent, why, page = lines[3:6], lines[6], lines[7]
    kinds = [
        re.fullmatch(r"sent last: (qry|ord)_\w+ \+86138\*{4}23\d\d", one)
        for one in sent
    ]
    assert [kind and kind[1] for kind in kinds] == ["qry", "ord", "qry"]
    assert why.startswith("why: People lost their own accounts")
    assert page == "page: /docs/platforms#interval"
    assert "所见：另一位机主的绑定也被解除" in chinese.out


def test_keys_may_stand_in_files(command: Command, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "key").write_text(f"{KEY}\n")
    files = ("--secret-file", "secret", "--key-file", "key")
    with a_platform() as (url, port):
        only = ("--only", "challenge", "--json")
        ended = command("conformance", url, "--port", port, *files, *only)

    assert ended.code == 0
    (rule,) = json.loads(ended.out)["rules"]
    assert (rule["id"], rule["verdict"]) == ("challenge", "holds")
    assert rule["page"] == "/docs/platforms#connecting"


def test_keys_are_made_and_shown_where_none_is_given(command: Command) -> None:
    with a_platform() as (url, port):
        ended = command("conformance", url, "--port", port, "--within", "100ms")

    assert ended.code == 2
    assert f"UNBIND_URL=http://127.0.0.1:{port}" in ended.err
    assert "UNBIND_SECRET=whsec_" in ended.err
    assert "UNBIND_KEY=ub_platform_" in ended.err
    assert "UNBIND_CONFORMANCE_SECRET, UNBIND_CONFORMANCE_KEY" in ended.err
    assert ended.err.endswith("is the secret of this trial installed there?\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected the URL of an endpoint, or --numbers"),
        (("ftp://example.test/x",), "such as http://127.0.0.1:8080/hooks"),
        (("localhost:8080/x",), "URL: expected an https URL"),
        (("http://127.0.0.1:9/x", "--only", "nope"), "no rule nope; there are"),
        (("http://127.0.0.1:9/x", "--secret-file", "nowhere"), "No such file"),
        (
            ("http://127.0.0.1:9/x", "--result-public-key", "x"),
            "--result-public-key: expected whpk_ and base64 (whpk_… of 32 bytes)",
        ),
        (
            ("http://127.0.0.1:9/x", "--within", "1ms"),
            "nobody answers at this URL: connection refused",
        ),
    ],
    ids=[
        "no URL",
        "no web",
        "no scheme",
        "no rule",
        "no file",
        "no key",
        "nobody there",
    ],
)
def test_what_cannot_be_tried_ends_with_code_2(
    command: Command, arguments: tuple[str, ...], message: str
) -> None:
    ended = command("conformance", *ANY_PORT, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_secret_that_is_none_is_named_and_not_repeated(
    command: Command, nowhere: pytest.MonkeyPatch
) -> None:
    nowhere.setenv("UNBIND_CONFORMANCE_SECRET", "hunter2")
    ended = command("conformance", "http://127.0.0.1:9/x", *ANY_PORT)
    assert ended.code == 2
    assert ended.err.startswith(
        "unbind-broker: UNBIND_CONFORMANCE_SECRET: expected whsec_ and base64"
    )
    assert "hunter2" not in ended.err


def test_what_keeps_a_trial_from_beginning_is_told_in_chinese(command: Command) -> None:
    chinese = ("--within", "1ms", "--lang", "zh")
    ended = command("conformance", "http://127.0.0.1:9/x", *ANY_PORT, *chinese)
    assert ended.code == 2
    assert ended.err.endswith("unbind-broker: 该 URL 无人应答：connection refused\n")


def test_waiting_for_an_endpoint_says_for_how_long(command: Command) -> None:
    patient = ("--within", "2s")
    ended = command("conformance", "http://127.0.0.1:9/x", *ANY_PORT, *patient)
    assert "(trying on for up to 2 s, see --within)" in ended.err


def test_port_in_use_ends_with_code_2(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = command("conformance", "http://127.0.0.1:9/x", "--port", port)
    assert ended.code == 2
    assert "choose another with --port" in ended.err


def test_numbers_are_printed_for_people_and_programs(command: Command) -> None:
    people = command("conformance", "--numbers", "--lang", "zh").out
    assert "界限 2025-02-28T16:00:00Z" in people
    assert "恰在界限时绑定" in people
    assert "violating" not in people
    programs = json.loads(command("conformance", "--numbers", "--json").out)
    assert programs["owner_since"] == "2025-03-01"
    assert programs["blocks"][0]["first"] == "+8613800001000"


@pytest.mark.usefixtures("known")
def test_report_that_cannot_be_written_down_is_printed_all_the_same(
    command: Command,
) -> None:
    with a_platform() as (url, port):
        only = ("--only", "challenge", "--json", "--json-file", "nowhere/report.json")
        ended = command("conformance", url, "--port", port, *only)
    assert ended.code == 2
    assert json.loads(ended.out)["holds"]
    assert ended.err.endswith("No such file or directory: 'nowhere/report.json'\n")


def test_secret_that_is_no_text_ends_with_code_2(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"whsec_\xff\xfe")
    given = ("--secret-file", "secret")
    ended = command("conformance", "http://127.0.0.1:9/x", *ANY_PORT, *given)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("unbind-broker: secret: ")


async def test_interrupted_trial_ends_at_once_and_without_a_traceback(
    tmp_path: Path,
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "unbind_broker", "conformance", "--json"),
        *("http://127.0.0.1:9/x", "--port", "0", "--within", "10m"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    told = await process.stderr.readuntil(b"connection refused")
    process.send_signal(signal.SIGINT)
    out, rest = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in told + rest
