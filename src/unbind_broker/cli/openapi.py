"""``unbind-broker openapi``: the document that clients are made from."""

import json
from pathlib import Path
from typing import Annotated

import typer

from unbind_broker.app.factory import document
from unbind_broker.base.errors import BrokerError

DOCUMENT = Path("openapi/openapi.json")

app = typer.Typer(add_completion=False)


class DocumentOutdated(BrokerError):
    """The committed document is not the one that the code makes."""

    code = "document-outdated"
    title = "The OpenAPI document is outdated"


@app.command()
def openapi(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the file differs.")
    ] = False,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="The file; - is the standard output.")
    ] = DOCUMENT,
) -> None:
    """Write the OpenAPI document, or check that it is current."""
    text = json.dumps(document(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if check:
        _check(output, text)
    elif str(output) == "-":
        print(text, end="")
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")


def _check(path: Path, text: str) -> None:
    if not path.is_file():
        raise DocumentOutdated(f"{path} is missing; write it: unbind-broker openapi")
    if path.read_text(encoding="utf-8") != text:
        raise DocumentOutdated(
            f"{path} is not what the code makes; write it anew: unbind-broker openapi"
        )
