"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

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
