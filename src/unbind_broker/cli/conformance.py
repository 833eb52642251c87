"""``unbind-broker conformance``: try a platform's endpoint by the whole contract."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from socket import socket
from typing import NoReturn

import typer

from unbind_broker.app.server import reserve, url_of
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.instants import show_instant
from unbind_broker.base.network_guard import UrlPolicy, check_endpoint_url
from unbind_broker.base.signing_keys import PublicKey, Secret
from unbind_broker.cli.conformance_numbers import print_numbers
from unbind_broker.cli.conformance_options import (
    KEY_VARIABLE,
    SECRET_VARIABLE,
    Domains,
    JsonFile,
    KeyFile,
    Lang,
    MaxBatch,
    MaxConcurrency,
    MaxRate,
    Numbers,
    Only,
    ResultKey,
    SecretFile,
    Url,
    Wait,
    Within,
)
from unbind_broker.cli.loop import run_on_loop
from unbind_broker.cli.options import LOOPBACK, AsJson, Host, Port
from unbind_broker.conformance import report
from unbind_broker.conformance.plan import PORT, Plan, new_key, new_secret
from unbind_broker.conformance.report import Language
from unbind_broker.conformance.running import Judged, try_endpoint
from unbind_broker.conformance.said import CannotTry
from unbind_broker.items.words import Words

app = typer.Typer(add_completion=False)

BROKEN = 1
NOT_TRIED = 2

_HELP = """
Try a platform's endpoint by the whole contract. Needs no broker, no
database.

This plays the broker: it sends signed webhooks to URL and takes results on
a port of its own, which your endpoint is to know as the broker's address.
Let it stand on a test store, seeded with the numbers that --numbers prints.

Exit code 0: every rule holds that could be judged; 1: some do not; 2:
nothing could be tried.
"""


@app.command(help=_HELP)
def conformance(
    *,
    url: Url = None,
    numbers: Numbers = False,
    secret_file: SecretFile = None,
    key_file: KeyFile = None,
    host: Host = LOOPBACK,
    port: Port = PORT,
    max_batch: MaxBatch = 50,
    max_concurrency: MaxConcurrency = 4,
    max_rate: MaxRate = None,
    wait: Wait = timedelta(seconds=30),
    within: Within = timedelta(minutes=2),
    result_public_key: ResultKey = None,
    domain: Domains = None,
    only: Only = None,
    lang: Lang = Language.EN,
    as_json: AsJson = False,
    json_file: JsonFile = None,
) -> None:
    """Try an endpoint, and end with a code that says what came of it."""
    if numbers:
        print_numbers(lang, as_json=as_json)
        return
    made = _Made()
    with _giving_up(lang), reserve(host, port) as listener:
        plan = Plan(
            url=_checked(url),
            secret=_secret(secret_file, made),
            key=_given(key_file, KEY_VARIABLE) or made.key(),
            max_batch=max_batch,
            max_concurrency=max_concurrency,
            max_rate=max_rate,
            wait=wait,
            within=within,
            result_public_key=_public(result_public_key),
            domains=tuple(domain or ()),
        )
        judged = _try(plan, listener, made, only or (), lang)
    _end(judged, plan.url, lang, as_json=as_json, json_file=json_file)


@contextmanager
def _giving_up(lang: Language) -> Iterator[None]:
    """End with a line where something cannot be used, or cannot be tried."""
    try:
        yield
    except (BrokerError, OSError) as error:
        _give_up(error, lang)


def _try(
    plan: Plan,
    listener: socket,
    made: "_Made",
    only: Sequence[str],
    lang: Language,
) -> Sequence[Judged]:
    _announce(made, url_of(listener), plan.url, lang)
    now, told = SystemClock().now, partial(_tell, lang)
    return run_on_loop(try_endpoint(plan, listener, now, only, told))


def _end(
    judged: Sequence[Judged],
    url: str,
    lang: Language,
    *,
    as_json: bool,
    json_file: Path | None,
) -> NoReturn:
    text = _document(judged, url)
    print(text if as_json else "\n".join(report.as_lines(judged, lang)))
    if json_file is not None:
        with _giving_up(lang):
            json_file.write_text(f"{text}\n", encoding="utf-8")
    raise typer.Exit(0 if report.holds(judged) else BROKEN)


def _document(judged: Sequence[Judged], url: str) -> str:
    at = show_instant(SystemClock().now())
    document = report.as_document(judged, url, at)
    return json.dumps(document, ensure_ascii=False, indent=2)


class _Made:
    """What the endpoint must be told, because it was made here."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}

    def secret(self) -> Secret:
        made = new_secret()
        self.variables["UNBIND_SECRET"] = made.text
        return made

    def key(self) -> str:
        return self.variables.setdefault("UNBIND_KEY", new_key())


def _checked(url: str | None) -> str:
    if url is None:
        raise typer.BadParameter("expected the URL of an endpoint, or --numbers")
    with _about("URL", "such as http://127.0.0.1:8080/hooks"):
        return check_endpoint_url(url, UrlPolicy(allow_private=True)).url


def _secret(file: Path | None, made: _Made) -> Secret:
    text = _given(file, SECRET_VARIABLE)
    if not text:
        return made.secret()
    with _about(str(file or SECRET_VARIABLE), "whsec_… of 24 to 64 bytes"):
        return Secret.parse(text)


def _given(file: Path | None, variable: str) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return os.environ.get(variable, "").strip()  # noqa: TID251 - the kit has no settings


def _public(text: str | None) -> PublicKey | None:
    if text is None:
        return None
    with _about("--result-public-key", "whpk_… of 32 bytes"):
        return PublicKey.parse(text)


class _Unusable(BrokerError):
    """Name what was given and cannot be used, and what it should look like."""


@contextmanager
def _about(given: str, like: str) -> Iterator[None]:
    try:
        yield
    except BrokerError as error:
        raise _Unusable(f"{given}: {error.detail} ({like})") from None


def _announce(made: _Made, broker: str, url: str, lang: Language) -> None:
    """Say what the endpoint needs to know; on stderr, so that reports can be piped."""
    lines = [lang.of(_TOLD), f"  UNBIND_URL={broker}"]
    lines += [f"  {name}={value}" for name, value in made.variables.items()]
    if made.variables:
        lines.append(lang.of(_KEPT))
    lines += [lang.of(_SEEDED), lang.of(_WAITING).format(url=url)]
    _say("\n".join(lines))


def _tell(lang: Language, words: Words) -> None:
    _say(lang.of(words))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _give_up(error: BrokerError | OSError, lang: Language) -> NoReturn:
    match error:
        case CannotTry():
            said = lang.of(error.words)
        case BrokerError():
            said = error.detail
        case _:
            said = str(error)
    _say(f"unbind-broker: {said}")
    raise typer.Exit(NOT_TRIED)


_TOLD = Words("端点需要知道：", "Your endpoint needs to know:")
_KEPT = Words(
    f"（下次沿用：将它们设为 {SECRET_VARIABLE} 与 {KEY_VARIABLE}）",
    f"(to keep them for the next time: {SECRET_VARIABLE}, {KEY_VARIABLE})",
)
_SEEDED = Words(
    "测试库需要有测试号码：unbind-broker conformance --numbers",
    "Its test store needs the test numbers: unbind-broker conformance --numbers",
)
_WAITING = Words("等待 {url} 应答……", "Waiting for {url} to answer …")
