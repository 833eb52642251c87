"""``unbind-broker audit``: whether the trail is whole, and its seals to keep."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from unbind_broker.audit.faults import Fault
from unbind_broker.audit.kept_seals import KeptSeals, read_kept, show_seal
from unbind_broker.audit.reading import list_seals_after
from unbind_broker.audit.signing_keys import public_keys
from unbind_broker.audit.verifying import Anchors, Summary, Verifier
from unbind_broker.base.broker_key import key_id_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.cli.database import use_database
from unbind_broker.cli.options import AsJson, DataDir
from unbind_broker.cli.receipt_checking import read_keys
from unbind_broker.runtime.opening import Runtime

app = typer.Typer(help="Check the audit trail, export its seals.", add_completion=False)

FAULTY = 1
_PAGE = 200


@app.command()
def verify(
    seals: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Seals that were exported before and kept elsewhere; the keys that "
            "signed them are trusted, besides this installation's own.",
        ),
    ] = None,
    jwks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Trust the Ed25519 keys of this key set (RFC 7517) and no others.",
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check every event against its seal and every seal against the one before it.

    Each fault is a line on the standard output, and the exit code is 1 if there is any.
    Without --seals or --jwks the keys in the database are believed, which whoever can
    change events can change too; so keep seals elsewhere, and check against them.
    """
    kept = _read_kept(seals)
    keys = None if jwks is None else _read_keys(jwks)

    async def work(runtime: Runtime) -> Summary:
        async with runtime.engine.connect() as db:
            trusted = await _believed(db, runtime, kept) if keys is None else keys
            verifier = Verifier(db, Anchors(trusted, kept.digests if kept else {}))
            async for fault in verifier.faults():
                print(_json_line(fault) if as_json else _line(fault))
            return verifier.summary

    summary = use_database(data_dir, work)
    _tell(summary, None if kept is None else len(kept.digests), as_json=as_json)
    if summary.faults:
        raise typer.Exit(FAULTY)


@app.command()
def seals(
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="The file; - is the standard output.")
    ] = Path("-"),
    data_dir: DataDir = None,
) -> None:
    """Export all seals, a line of JSON each. Keep them where the broker cannot write.

    They name no event and no number.
    """

    async def work(runtime: Runtime) -> int:
        with _opened(output) as file:
            async with runtime.engine.connect() as db:
                return await _export(db, file)

    count = use_database(data_dir, work)
    if str(output) != "-":
        print(f"{count} seals in {output}")


async def _believed(
    db: Db, runtime: Runtime, kept: KeptSeals | None
) -> dict[str, bytes]:
    own = {runtime.broker_key.key_id: runtime.broker_key.public}
    return {**(kept.keys if kept else await public_keys(db)), **own}


async def _export(db: Db, file: TextIO) -> int:
    keys, number, count = await public_keys(db), 0, 0
    while page := await list_seals_after(db, number, _PAGE):
        file.writelines(json.dumps(show_seal(seal, keys)) + "\n" for seal in page)
        number, count = page[-1].number, count + len(page)
    return count


@contextmanager
def _opened(output: Path) -> Iterator[TextIO]:
    if str(output) == "-":
        yield sys.stdout
        return
    with output.open("w", encoding="utf-8") as file:
        yield file


def _read_kept(path: Path | None) -> KeptSeals | None:
    if path is None:
        return None
    with path.open(encoding="utf-8", errors="replace") as lines:
        return read_kept(lines)


def _read_keys(path: Path) -> dict[str, bytes]:
    raw = [key.public_bytes_raw() for key in read_keys(path.read_bytes()).values()]
    return {key_id_of(public): public for public in raw}


def _line(fault: Fault) -> str:
    event = fault.event and f" {format_id(Prefix.EVENT, fault.event)}"
    return f"{fault.kind}: seal {fault.seal}{event or ''}: {fault.detail}"


def _json_line(fault: Fault) -> str:
    event = fault.event and format_id(Prefix.EVENT, fault.event)
    told = {
        "fault": fault.kind.value,
        "seal": fault.seal,
        "event": event,
        "detail": fault.detail,
    }
    return json.dumps(told, ensure_ascii=False)


def _tell(summary: Summary, compared: int | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**_told(summary), "kept_seals": compared}))
    else:
        print(_words(summary, compared))


def _told(summary: Summary) -> dict[str, object]:
    last = summary.last
    return {
        "faults": summary.faults,
        "events": summary.events,
        "seals": summary.seals,
        "unsealed": summary.unsealed,
        "last_seal": last and {"number": last.number, "sealed_at": last.sealed_at},
        "signed_by": dict(summary.signed_by),
    }


def _words(summary: Summary, compared: int | None) -> str:
    last = summary.last
    ends = f"seal {last.number} of {last.sealed_at}" if last else "none"
    kept = [] if compared is None else [_counted(compared, "kept seal") + " compared"]
    return "; ".join(
        (
            _counted(summary.faults, "fault") if summary.faults else "no faults",
            f"{_counted(summary.events, 'event')} in sealed ranges",
            _counted(summary.seals, "seal"),
            f"last seal: {ends}",
            f"{summary.unsealed} not sealed yet",
            f"signed by {_list(summary.signed_by)}",
            *kept,
        )
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "nobody"
