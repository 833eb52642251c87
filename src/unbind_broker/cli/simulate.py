"""``unbind-broker simulate``: platform endpoints that behave as told."""

import json
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from unbind_broker.base.clock import SystemClock
from unbind_broker.cli.loop import Stop, run_on_loop
from unbind_broker.cli.options import LOOPBACK, AsJson, Host, Port, duration
from unbind_broker.demo.enrolment import choose_platforms
from unbind_broker.demo.secret_files import key_in_environment, keys_in_file
from unbind_broker.demo.simulation import (
    Play,
    Simulation,
    Site,
    simulated,
    simulated_by_admin,
)
from unbind_broker.demo.traits import Traits

app = typer.Typer(add_completion=False)


def _share(words: str) -> Any:
    return typer.Option(min=0.0, max=1.0, metavar="SHARE", help=words)


BrokerUrl = Annotated[str, typer.Option(metavar="URL", help="Where the broker is.")]
AdminKeyEnv = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Environment variable that holds an administrator's key; with it, "
        "platforms are created and get their keys.",
    ),
]
KeysFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Platforms' own keys instead: a JSON object of slugs and keys.",
    ),
]
HowMany = Annotated[
    int, typer.Option(min=1, max=10_000, help="How many, from the catalogue.")
]
PublicUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="How the broker reaches this, if differently."),
]
Latency = Annotated[
    timedelta,
    typer.Option(
        parser=duration,
        metavar="DURATION",
        show_default=False,
        help="On average; 50ms if left out.",
    ),
]
FailRate = Annotated[
    float,
    _share("Requests answered 5xx or 429, or torn off; three times in a row at most."),
]
RefuseRate = Annotated[float, _share("Items refused.")]
ReportRate = Annotated[
    float, _share("Items whose result comes by POST /v1/results, not in the answer.")
]
LateRate = Annotated[
    float,
    _share(
        "Items whose result comes after their deadline, if that is within the hour; "
        "else never."
    ),
]
ContradictRate = Annotated[float, _share("Items with two different results.")]
Seed = Annotated[int, typer.Option(help="The same seed, the same behaviour.")]


_HELP = """
Run platform endpoints that behave as told, all in one process.

They register with a broker, verify every request with the official Standard
Webhooks library, treat item ids as idempotency keys and report results. The
broker must admit private addresses (UNBIND_ALLOW_PRIVATE_ENDPOINTS=1).
Shares are between 0 and 1.

Test numbers have fixed outcomes, at every platform and whatever the shares
say (conformance --numbers --json lists them): bound, not bound, every
refusal, partly, action required, slow, late, contradicting, violating. All
others are answered at random from the seed. A request or a wave that holds
both fails or is completed late as a whole.
"""


@app.command(help=_HELP)
def simulate(
    *,
    url: BrokerUrl,
    admin_key_env: AdminKeyEnv = "UNBIND_ADMIN_KEY",
    keys_file: KeysFile = None,
    platforms: HowMany = 200,
    host: Host = LOOPBACK,
    port: Port = 0,
    public_url: PublicUrl = None,
    latency: Latency = timedelta(milliseconds=50),
    fail_rate: FailRate = 0.0,
    refuse_rate: RefuseRate = 0.0,
    report_rate: ReportRate = 0.5,
    late_rate: LateRate = 0.0,
    contradict_rate: ContradictRate = 0.0,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Run them until asked to end."""
    traits = Traits(
        latency=latency,
        fail_rate=fail_rate,
        refuse_rate=refuse_rate,
        report_rate=report_rate,
        late_rate=late_rate,
        contradict_rate=contradict_rate,
    )
    play = Play(SystemClock(), lambda _: traits, Site(host, port, public_url), seed)
    if keys_file is not None:
        opening = simulated(url, keys_in_file(keys_file), play)
    else:
        key = key_in_environment(admin_key_env)
        opening = simulated_by_admin(url, key, choose_platforms(platforms), play)
    run_on_loop(_run(opening, as_json=as_json))


async def _run(
    opening: AbstractAsyncContextManager[Simulation], *, as_json: bool
) -> None:
    stop = Stop.on_signals()
    async with opening as simulation:
        _announce(simulation, as_json=as_json)
        await stop.asked.wait()
        counts = {**simulation.platforms.counts, **_reports(simulation)}
    if as_json:
        print(json.dumps(counts), flush=True)
    else:
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        print(told or "nobody called", flush=True)


def _announce(simulation: Simulation, *, as_json: bool) -> None:
    count = len(simulation.keys)
    if as_json:
        ready = {"url": simulation.url, "platforms": count}
        print(json.dumps(ready), flush=True)
    else:
        print(f"{count} platforms are ready at {simulation.url}/p/…", flush=True)


def _reports(simulation: Simulation) -> dict[str, int]:
    return {
        f"reports {status}": count
        for status, count in simulation.reporter.answers.items()
    } | {
        f"clearances: {what}": count
        for what, count in simulation.clearer.counts.items()
    }
