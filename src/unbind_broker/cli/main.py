"""The command ``unbind-broker``: what it can do, and how it fails."""

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typing_extensions import override

from unbind_broker import __version__
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.numbers import mask_numbers
from unbind_broker.cli.secret_arguments import WHY_NOT, hold_secret

COMMANDS = {
    "demo": "Show the whole story on simulated platforms.",
    "up": "Run everything on this machine: database, API and worker.",
    "serve": "Run the API.",
    "worker": "Run a worker: it sends, and keeps the deadlines.",
    "migrate": "Bring the database to the newest schema.",
    "keys": "Issue, list and revoke API keys.",
    "carriers": "Register, list and suspend carriers.",
    "platforms": "Register, list, import and suspend platforms.",
    "simulate": "Run platform endpoints that behave as told.",
    "conformance": "Try a platform's endpoint by the whole contract.",
    "receipt": "Check what the broker signed, offline.",
    "audit": "Check the audit trail, export its seals.",
    "openapi": "Write the OpenAPI document, or check that it is current.",
    "bench": "Measure this machine with the programs of the source tree.",
}
"""Each stands in the file of its name, which is loaded when it is called."""

FAILED = 1
MISUSED = 2
INTERRUPTED = 130
BY_SIGNAL = 128


class CommandsOnDemand(TyperGroup):
    """Load a command when it is called, so that help and keys come at once."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=summary) for name, summary in COMMANDS.items()
        }

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the real command in the place of its summary."""
        name, _, rest = super().resolve_command(ctx, args)
        command = import_module(f"unbind_broker.cli.{name}")
        return name, typer.main.get_command(command.app), rest


app = typer.Typer(cls=CommandsOnDemand, add_completion=False)


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"unbind-broker {__version__}")
        raise typer.Exit


@app.callback()
def unbind_broker(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Tell the version.", callback=_tell_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Tell internet platforms that a mobile number has a new holder."""


def run() -> None:
    """Run the command line: one clear line on stderr when something is wrong."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _terminate)
    command = typer.main.get_command(app)
    arguments = sys.argv[1:] or ["--help"]
    if hold_secret(arguments):
        _complain(WHY_NOT)
        sys.exit(MISUSED)
    try:
        code = command.main(arguments, prog_name="unbind-broker", standalone_mode=False)
    except typer.TyperException as error:
        _complain(_usage(error))
        code = error.exit_code
    except BrokerError as error:
        _complain(_refusal(error))
        code = FAILED
    except typer.Abort:
        code = INTERRUPTED
    except OSError as error:
        _complain(_words(error))
        code = FAILED
    sys.exit(code if isinstance(code, int) else 0)


def _terminate(number: int, _frame: FrameType | None) -> None:
    """End as other errors do, so that the embedded database is left in good order."""
    raise SystemExit(BY_SIGNAL + number)


def _complain(text: str) -> None:
    line = mask_numbers(" ".join(text.split()))
    print(f"unbind-broker: {line}", file=sys.stderr)


def _refusal(error: BrokerError) -> str:
    """Name options instead of JSON pointers."""
    faults = [
        f"{wrong.pointer.removeprefix('/')}: {wrong.detail}" for wrong in error.errors
    ]
    return "; ".join(faults) or error.detail


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "unbind-broker"
    said = error.format_message().replace("Value error, ", "")  # pydantic's own words
    return f"{said} ({path} --help tells more)"


def _words(error: OSError) -> str:
    said = error.strerror or str(error) or type(error).__name__
    return f"{said}: {error.filename}" if error.filename else said
