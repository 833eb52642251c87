"""``unbind-broker demo``: the whole story in one process."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from unbind_broker.app.server import reserve, url_of
from unbind_broker.audit.verifying import Anchors, Verifier
from unbind_broker.base.clock import SystemClock
from unbind_broker.cli.broker import run_both
from unbind_broker.cli.database import ACTOR, prepare
from unbind_broker.cli.loop import Stop, run_on_loop
from unbind_broker.cli.options import LOOPBACK, DataDir, Host, Port
from unbind_broker.cli.receipt_checking import (
    ReceiptWrong,
    check_receipt,
    read_keys,
)
from unbind_broker.demo.enrolment import choose_platforms
from unbind_broker.demo.replay import Proof, ReplayStage, tell_of_2022
from unbind_broker.demo.screen import Screen
from unbind_broker.demo.story import Stage, tell
from unbind_broker.keys.service import Holder, issue
from unbind_broker.keys.tables import Role
from unbind_broker.runtime.installation import Installation, open_installation
from unbind_broker.runtime.logs import set_up_logs
from unbind_broker.runtime.opening import Runtime, open_runtime
from unbind_broker.schema.migrate import migrate
from unbind_broker.settings import Settings

app = typer.Typer(add_completion=False)

BREAKER_PAUSE = timedelta(seconds=0.5)
RETRIES = tuple(timedelta(seconds=seconds) for seconds in (0.5, 1.0, 2.0))
UNFINISHED = 1
SEALED_WITHIN = 15
"""Seconds after which the newest audit events must have been sealed."""

Once = Annotated[
    bool,
    typer.Option(
        "--once", help="End after the story; exit code 0 if every item is final."
    ),
]
Replay = Annotated[
    bool,
    typer.Option(
        "--replay-2022",
        help="Another story: a carrier with wrong dates is caught, braked and "
        "undone; exit code 0 if nobody is worse off in the end.",
    ),
]
Platforms = Annotated[
    int | None,
    typer.Option(min=1, max=2000, help="How many; the whole catalogue if left out."),
]


@app.command()
def demo(
    *,
    once: Once = False,
    replay_2022: Replay = False,
    platforms: Platforms = None,
    data_dir: DataDir = None,
    host: Host = LOOPBACK,
    port: Port = 0,
) -> None:
    """Show the whole story: a query and an order over simulated platforms.

    One process with a private Postgres in a temporary folder (unless one is named) that
    goes away in the end. Retries come within seconds here, and private addresses are
    allowed; nothing else differs from an ordinary installation.
    """
    settings = _settings()
    with (
        reserve(host, port) as listener,
        _installation(settings, data_dir) as installation,
    ):
        scene = _Scene(settings, installation, listener, named=data_dir is not None)
        telling = (
            scene.replay if replay_2022 else partial(scene.tell, platforms, once=once)
        )
        complete = run_on_loop(scene.play(telling))
    if (once or replay_2022) and not complete:
        raise typer.Exit(UNFINISHED)


@dataclass(frozen=True)
class Opening:
    """A broker that is ready for a story."""

    runtime: Runtime
    url: str
    admin_key: str
    stop: Stop


Telling = Callable[[Opening, Screen], Awaitable[bool]]


class _Scene:
    """The broker of one demonstration, and the story told on it."""

    def __init__(
        self,
        settings: Settings,
        installation: Installation,
        listener: socket.socket,
        *,
        named: bool,
    ) -> None:
        self._settings = settings
        self._installation = installation
        self._listener = listener
        self._named = named

    async def play(self, telling: Telling) -> bool:
        """Run the broker as long as the story needs it."""
        stop, ready = Stop.on_signals(), asyncio.Event()
        opened = open_runtime(
            self._settings, self._installation, application="unbind-broker demo"
        )
        async with opened as runtime:
            await migrate(runtime.engine)
            broker = asyncio.create_task(
                run_both(
                    runtime,
                    self._installation.data_dir,
                    self._listener,
                    stop,
                    ready.set,
                )
            )
            story = asyncio.create_task(self._when_ready(telling, runtime, ready, stop))
            return await _both(broker, story, stop)

    async def tell(
        self,
        platforms: int | None,
        opening: Opening,
        screen: Screen,
        *,
        once: bool,
    ) -> bool:
        """Tell of a query and an order over all platforms."""
        stage = Stage(
            broker_url=opening.url,
            admin_key=opening.admin_key,
            entries=choose_platforms(platforms),
            named=self._named,
            clock=SystemClock(),
        )
        return await tell(stage, screen, stay=None if once else opening.stop.asked)

    @staticmethod
    async def replay(opening: Opening, screen: Screen) -> bool:
        """Tell of a carrier with wrong dates."""
        stage = ReplayStage(
            broker_url=opening.url,
            admin_key=opening.admin_key,
            clock=SystemClock(),
            proof=Proof(
                audit=partial(_audit_faults, opening.runtime), receipt=_receipt_faults
            ),
        )
        return await tell_of_2022(stage, screen)

    async def _when_ready(
        self, telling: Telling, runtime: Runtime, ready: asyncio.Event, stop: Stop
    ) -> bool:
        await ready.wait()
        now = runtime.clock.now()
        async with runtime.engine.begin() as db:
            admin = await issue(db, now, Holder(Role.ADMIN), "demo", None, ACTOR)
        opening = Opening(runtime, url_of(self._listener), admin.key, stop)
        screen = Screen()
        screen.say(f"unbind-broker is ready at {opening.url}")
        plan = ", ".join(f"{wait.total_seconds():g} s" for wait in RETRIES)
        screen.say(f"Clocks are short here: failed requests are repeated after {plan}.")
        return await telling(opening, screen)


def _receipt_faults(jws: str, jwks: dict[str, Any]) -> list[str]:
    """Check a receipt with the public keys alone."""
    try:
        check_receipt(jws.encode(), read_keys(json.dumps(jwks).encode()))
    except ReceiptWrong as wrong:
        return [wrong.detail]
    return []


async def _audit_faults(runtime: Runtime) -> list[str]:
    """Verify the trail once everything that was told is sealed."""
    known = Anchors({runtime.broker_key.key_id: runtime.broker_key.public})
    for _ in range(SEALED_WITHIN):
        async with runtime.engine.connect() as db:
            verifier = Verifier(db, known)
            faults = [fault.detail async for fault in verifier.faults()]
        if faults or (verifier.summary.seals and not verifier.summary.unsealed):
            return faults
        await asyncio.sleep(1)
    return ["the newest events are not sealed"]


async def _both(
    broker: asyncio.Task[None], story: asyncio.Task[bool], stop: Stop
) -> bool:
    """Let the story end by itself or by a signal, then the broker."""
    asked = asyncio.create_task(stop.asked.wait())
    try:
        await asyncio.wait({broker, story, asked}, return_when=asyncio.FIRST_COMPLETED)
        if stop.asked.is_set():
            # A story that waits for the signal ends by itself; others are broken off.
            await asyncio.wait({story}, timeout=0.5)
        story.cancel()
        return await story
    except asyncio.CancelledError:
        return False
    finally:
        asked.cancel()
        if not stop.asked.is_set():
            stop.ask()
        await broker


def _settings() -> Settings:
    """Set the clocks as the story needs them; keep expected failures off the screen."""
    settings = prepare()
    set_up_logs(settings.log_format, "error")
    return settings.model_copy(
        update={
            "retry_plan": RETRIES,
            "query_retry_plan": RETRIES,
            "breaker_pause": BREAKER_PAUSE,
            "request_timeout": timedelta(seconds=10),
            "lease": timedelta(seconds=20),
            "allow_private_endpoints": True,
        }
    )


@contextmanager
def _installation(settings: Settings, data_dir: Path | None) -> Iterator[Installation]:
    if data_dir is not None:
        with open_installation(settings, data_dir) as installation:
            yield installation
        return
    with (
        TemporaryDirectory(prefix="unbind-demo-") as folder,
        open_installation(settings, Path(folder), durable=False) as installation,
    ):
        yield installation
