"""Options that several commands share."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from unbind_broker.base.durations import parse_duration

DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the embedded installation (default: UNBIND_DATA_DIR, else the "
        "user's data folder). Given, it wins over UNBIND_DATABASE_URL.",
    ),
]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8080


def duration(value: str | timedelta) -> timedelta:
    """Read an option such as ``90d`` or ``50ms``; its default comes as it is."""
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
