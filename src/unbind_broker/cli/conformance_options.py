"""What ``unbind-broker conformance`` can be given."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from unbind_broker.cli.options import duration
from unbind_broker.conformance.registry import RULES
from unbind_broker.conformance.report import Language

SECRET_VARIABLE = "UNBIND_CONFORMANCE_SECRET"  # noqa: S105 - the name, not the secret
KEY_VARIABLE = "UNBIND_CONFORMANCE_KEY"


def _known(only: list[str] | None) -> list[str] | None:
    unknown = set(only or ()) - {rule.id for rule in RULES}
    if unknown:
        ids = ", ".join(rule.id for rule in RULES)
        raise typer.BadParameter(f"no rule {min(unknown)}; there are {ids}")
    return only


Url = Annotated[
    str | None,
    typer.Argument(metavar="URL", help="The endpoint, as you registered it."),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=f"Holds the webhook secret (whsec_…); else {SECRET_VARIABLE}, else one is "
        "made and printed.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=f"Holds the key that results are reported with; else {KEY_VARIABLE}, else "
        "one is made and printed.",
    ),
]
MaxBatch = Annotated[int, typer.Option(min=1, max=500, help="As you declare it.")]
MaxConcurrency = Annotated[int, typer.Option(min=1, max=64, help="As you declare it.")]
MaxRate = Annotated[
    float | None,
    typer.Option(min=0.1, max=10_000, help="Requests per second, as you declare it."),
]
Wait = Annotated[
    timedelta,
    typer.Option(
        parser=duration,
        metavar="DURATION",
        show_default=False,
        help="How long a result may take to come; 30s if left out.",
    ),
]
Within = Annotated[
    timedelta,
    typer.Option(
        parser=duration,
        metavar="DURATION",
        show_default=False,
        help="How long the endpoint may take to come up; 2m if left out.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULE",
        callback=_known,
        help="Only these rules; may be given repeatedly.",
    ),
]
Domains = Annotated[
    list[str] | None,
    typer.Option(
        "--domain",
        metavar="DOMAIN",
        help="A domain of yours that action_url may lead to; may be given repeatedly.",
    ),
]
ResultKey = Annotated[
    str | None,
    typer.Option(metavar="whpk_…", help="If you sign your reports: your public key."),
]
JsonFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the report there as JSON too."),
]
Lang = Annotated[Language, typer.Option(help="Of the report.")]
Numbers = Annotated[
    bool,
    typer.Option(
        "--numbers", help="Print the test numbers to seed your store with, and end."
    ),
]
