"""A platform's endpoint to start from: Flask and SQLite, in one file to copy.

It answers the broker's webhooks at once and reports results later. A webhook is in the
SQLite file before its 2xx goes out, so that a restart loses nothing. What you replace
stands together at the end, below ``Account``: how your own system finds accounts,
detaches and attaches them. Until then they are test accounts:

    pip install flask httpx standardwebhooks cryptography
    unbind-broker conformance --numbers --json > numbers.json
    UNBIND_URL=http://127.0.0.1:8799 UNBIND_KEY=ub_platform_… UNBIND_SECRET=whsec_… \
        UNBIND_NUMBERS=numbers.json python flask_receiver.py

``UNBIND_SECRET`` may hold two secrets with a space between, while one is rotated. With
``UNBIND_REPORT_KEY=whsk_…`` reports are signed; its public key must be registered.
``PORT`` (8080), ``HOST`` (127.0.0.1) and ``STORE`` (receiver.db) may be set, too. Run
it in one process by a WSGI server of yours, which keeps connections open as Flask's own
does not: ``begin()`` gives the application.
"""

import json
import logging
import os
import sqlite3
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, Response, jsonify, request
from standardwebhooks import Webhook, WebhookVerificationError

Json = dict[str, Any]

NEEDED = ("UNBIND_URL", "UNBIND_KEY", "UNBIND_SECRET")
if missing := [name for name in NEEDED if not os.environ.get(name)]:
    sys.exit(f"{' and '.join(missing)} must be set")
SECRETS = os.environ["UNBIND_SECRET"].split()
REPORT_KEY = os.environ.get("UNBIND_REPORT_KEY", "")
STORE = os.environ.get("STORE", "receiver.db")
LARGEST_BODY = 4 * 1024 * 1024
MOST_LINES = 1000
LONGEST_PAUSE = 60.0
RESTORABLE = timedelta(days=30)
SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS items (place INTEGER PRIMARY KEY, id TEXT UNIQUE, type TEXT,
    item TEXT, settled INTEGER DEFAULT 0, result TEXT, told INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS cancelled (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS waves (manifest TEXT PRIMARY KEY, clearance TEXT,
    done INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, number TEXT, bound_at TEXT,
    stays_for TEXT, asks INTEGER, detached_by TEXT);
CREATE INDEX IF NOT EXISTS accounts_by_number ON accounts (number);
"""

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
log = logging.getLogger("receiver")
work_is_there = threading.Event()
occasion = {"id": uuid4().hex}  # of the next report


@app.post("/hooks")
def hooks() -> Response:
    """Take one webhook; what is not signed by the broker is refused."""
    event = verified(dict(request.headers), request.get_data())
    if event is None:
        return Response(status=401)
    answer = take(event)
    work_is_there.set()
    return jsonify(answer)


def verified(headers: dict[str, str], body: bytes) -> Json | None:
    """Read what was signed with one of the secrets: the bytes, just as they came."""
    for secret in SECRETS:
        try:
            event: Json = Webhook(secret).verify(body, headers)
        except (WebhookVerificationError, ValueError):
            continue
        return event
    return None


def take(event: Json) -> Json:
    """Write down what is asked; what came before, by its id, is only told again."""
    data = event["data"]
    with store() as db:
        match event["type"]:
            case "endpoint.verification":
                return {"challenge": data["challenge"]}
            case "query.requested" | "unbind.requested" | "restore.requested" as kind:
                for item in data["items"]:
                    db.execute(
                        "INSERT INTO items (id, type, item) VALUES (?, ?, ?) "
                        "ON CONFLICT (id) DO UPDATE SET told = 0",
                        (item["id"], kind, json.dumps(item)),
                    )
            case "unbind.cancelled":  # it may come before its request
                ids = [(item["id"],) for item in data["items"]]
                db.executemany("INSERT OR IGNORE INTO cancelled VALUES (?)", ids)
            case "unbind.reminder":
                ids = [(item["id"],) for item in data["items"]]
                db.executemany("UPDATE items SET told = 0 WHERE id = ?", ids)
            case "clearance.published":
                db.execute(
                    "INSERT OR IGNORE INTO waves (manifest, clearance) VALUES (?, ?)",
                    (data["manifest"], data["id"]),
                )
            case _:
                pass  # endpoint.test, and whatever is added some day
    return {}


@contextmanager
def store() -> Iterator[sqlite3.Connection]:
    """Open a transaction on the store."""
    db = sqlite3.connect(STORE, timeout=10)
    try:
        with db:
            db.execute("BEGIN IMMEDIATE")
            yield db
    finally:
        db.close()


def work(broker: httpx.Client) -> None:
    """Do what has been written down, and report it until the broker has taken it."""
    pause = 1.0
    while True:
        work_is_there.wait(LONGEST_PAUSE)
        work_is_there.clear()
        try:
            settle_items()
            tell_results(broker)
            clear_waves(broker)
            pause = 1.0
        except Exception as error:  # noqa: BLE001 - nothing is lost: all is tried again
            log.warning("trying again in %s s: %r", pause, error)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            work_is_there.set()


def settle_items() -> None:
    """Act on every item that waits, in their order; what fails goes on waiting."""
    with store() as db:
        waiting = db.execute(
            "SELECT id, type, item FROM items WHERE NOT settled ORDER BY place"
        ).fetchall()
    for item_id, kind, item in waiting:
        try:
            with store() as db:
                settle_item(db, item_id, kind, item)
        except Exception:  # one item that cannot be settled keeps no other from it
            log.exception("%s is not settled", item_id)


def settle_item(db: sqlite3.Connection, item_id: str, kind: str, item: str) -> None:
    """Act on one item, unless it was called back, and keep what is to be told of it."""
    called_back = "SELECT 1 FROM cancelled WHERE id = ?"
    if db.execute(called_back, (item_id,)).fetchone():
        result = None
    else:
        result = settle(db, kind, json.loads(item))
    stays_open = result is not None and result["outcome"] == "action_required"
    db.execute(
        "UPDATE items SET settled = 1, told = 0, result = ?, item = ? WHERE id = ?",
        # The number is kept for no longer than it is needed.
        (result and json.dumps(result), item if stays_open else None, item_id),
    )


def holder_has_acted(item_id: str) -> None:
    """Go on with an item that was ``action_required``: for your app to call."""
    with store() as db:
        db.execute(
            "UPDATE items SET settled = 0 WHERE id = ? AND item IS NOT NULL", (item_id,)
        )
    work_is_there.set()


def settle(db: sqlite3.Connection, kind: str, item: Json) -> Json:
    """Decide about one item, and act on it."""
    if kind == "restore.requested":
        back = detached_by(db, item["restores"], item["number"])
        for account in back:
            attach(db, account)
        return {"outcome": "restored" if back else "not_bound"}
    inside, undated = in_interval(db, item)
    if kind == "query.requested":
        return find(inside, undated)
    if inside and item["action"] != "detach":
        return {"outcome": "refused", "reason": "not_supported"}
    if any(account.asks for account in inside):
        return {"outcome": "action_required", "action": "confirm_in_app"}
    return detach_all(db, item["id"], item)


def find(inside: list["Account"], undated: list["Account"]) -> Json:
    """Say what is bound; nothing is changed."""
    if any(account.stays_for == "active_after_cutoff" for account in inside):
        return {"outcome": "refused", "reason": "active_after_cutoff"}
    if inside:
        return {"outcome": "bound", "bindings": len(inside), **newest(inside)}
    if undated:
        return {"outcome": "refused", "reason": "bound_at_unknown"}
    return {"outcome": "not_bound"}


def in_interval(
    db: sqlite3.Connection, item: Json
) -> tuple[list["Account"], list["Account"]]:
    """Give the accounts in ``[bound_from, bound_before)``, and those without a date."""
    begin = None if item["bound_from"] is None else instant(item["bound_from"])
    end = instant(item["bound_before"])
    accounts = bound_to(db, item["number"])
    inside = [
        account
        for account in accounts
        if account.bound_at is not None
        and (begin is None or begin <= account.bound_at)
        and account.bound_at < end
    ]
    return inside, [account for account in accounts if account.bound_at is None]


def detach_all(db: sqlite3.Connection, by: str, asked: Json) -> Json:
    """Detach what may be detached, and say what was kept and why.

    What an earlier try of the same order has detached is counted in.
    """
    inside, undated = in_interval(db, asked)
    reasons = [detach(db, account, by) for account in inside]
    kept = [reason for reason in reasons if reason is not None]
    kept += ["bound_at_unknown"] * len(undated)
    gone = detached_by(db, by, asked["number"])
    if not gone and not kept:
        return {"outcome": "not_bound"}
    why = {"reason": kept[0]} if kept else {}
    if "other" in why.values():
        why["detail"] = "Please contact our customer service."
    if not gone:
        return {"outcome": "refused", **why}
    until = (datetime.now(UTC) + RESTORABLE).isoformat()
    done = {"removed": len(gone), **newest(gone), "restorable_until": until}
    if kept:
        return {"outcome": "partly_unbound", "kept": len(kept), **why, **done}
    return {"outcome": "unbound", **done}


def newest(accounts: list["Account"]) -> Json:
    """Say when the newest of some dated bindings was made."""
    newest_at = max(account.bound_at for account in accounts if account.bound_at)
    return {"last_bound_at": newest_at.isoformat()}


def instant(text: str) -> datetime:
    """Read an instant; never compare them as texts or as dates."""
    return datetime.fromisoformat(text)


def tell_results(broker: httpx.Client) -> None:
    """Report every result that was not taken yet, with the content it always has."""
    untold = "SELECT id, result FROM items WHERE result IS NOT NULL AND NOT told"
    while True:
        with store() as db:
            rows = db.execute(f"{untold} LIMIT ?", (MOST_LINES,)).fetchall()
        if not rows:
            return
        lines = [{"id": item_id, **json.loads(result)} for item_id, result in rows]
        report(broker, "/v1/results", {"results": lines})
        told = "UPDATE items SET told = 1 WHERE id = ? AND result = ?"
        with store() as db:
            db.executemany(told, rows)


def report(broker: httpx.Client, path: str, body: Json) -> None:
    """Tell the broker; raises ``httpx.HTTPError`` unless it has taken it."""
    content = json.dumps(body).encode()
    headers = {"content-type": "application/json", **signature(content)}
    answer = broker.post(path, content=content, headers=headers)
    answer.raise_for_status()
    occasion["id"] = uuid4().hex
    for line in answer.json()["results"]:
        if line["status"] not in {"recorded", "duplicate"}:
            # A rejected line is not taken by trying again: it shows a mistake of yours.
            log.error("%s is %s: %s", line.get("id"), line["status"], line.get("code"))


def signature(body: bytes) -> dict[str, str]:
    """Sign a report, if you have a key for that.

    Until it is taken, the same content has the same id; what comes later has another.
    """
    if not REPORT_KEY:
        return {}
    seed = b64decode(REPORT_KEY.removeprefix("whsk_"))[:32]  # the public key follows
    report_id = f"rep_{occasion['id']}_{sha256(body).hexdigest()}"
    timestamp = str(int(time.time()))
    signed = f"{report_id}.{timestamp}.".encode() + body
    made = Ed25519PrivateKey.from_private_bytes(seed).sign(signed)
    return {
        "webhook-id": report_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1a,{b64encode(made).decode()}",
    }


def clear_waves(broker: httpx.Client) -> None:
    """Clear every wave of numbers that was published and is not done.

    One that is held back, or over, waits without keeping the others from it.
    """
    with store() as db:
        select = "SELECT clearance, manifest FROM waves WHERE NOT done"
        waves = db.execute(select).fetchall()
    for clearance, manifest in waves:
        try:
            clear_wave(broker, clearance, manifest)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in {404, 409}:
                raise
            log.warning("%s waits: %s", clearance, error.response.status_code)
            continue
        with store() as db:
            db.execute("UPDATE waves SET done = 1 WHERE manifest = ?", (manifest,))


def clear_wave(broker: httpx.Client, clearance: str, manifest: str) -> None:
    """Read a manifest page by page, and report the numbers that had bindings."""
    url, is_last = httpx.URL(manifest), False
    while not is_last:
        answer = broker.get(url)
        answer.raise_for_status()
        page = answer.json()
        findings = []
        with store() as db:
            for listed in page["data"]:
                finding = clear(db, clearance, listed)
                if finding["outcome"] != "not_bound":
                    findings.append(finding)
        is_last = page["next_cursor"] is None
        if findings or is_last:
            body = {"findings": findings, "complete": is_last}
            report(broker, f"/v1/clearances/{clearance}/findings", body)
        url = url.copy_set_param("cursor", page["next_cursor"])


def clear(db: sqlite3.Connection, clearance: str, listed: Json) -> Json:
    """Clear one number of a manifest; a withdrawn one is its former holder's again."""
    if listed["withdrawn"]:
        return {"outcome": "not_bound"}
    done = detach_all(db, clearance, listed)
    told = ("outcome", "reason", "detail", "last_bound_at")
    said = {name: done[name] for name in told if name in done}
    return {"number": listed["number"], **said}


@dataclass(frozen=True)
class Account:
    """One account that is bound to a number. From here on all is yours to replace.

    ``stays_for`` is why it may not be detached; ``asks``: only after its present holder
    has confirmed.
    """

    id: int
    bound_at: datetime | None
    stays_for: str | None
    asks: bool


def detach(db: sqlite3.Connection, account: Account, by: str) -> str | None:
    """Take the number off an account, or give the reason why it has to stay.

    Off everything: login, recovery, messages, marketing, contacts. The account itself
    and all that is in it stay its owner's; tell them by another channel.
    """
    if account.stays_for is not None:
        return account.stays_for
    db.execute("UPDATE accounts SET detached_by = ? WHERE id = ?", (by, account.id))
    return None


def attach(db: sqlite3.Connection, account: Account) -> None:
    """Put the number back, with the date it had."""
    db.execute("UPDATE accounts SET detached_by = NULL WHERE id = ?", (account.id,))


def bound_to(db: sqlite3.Connection, number: str) -> list[Account]:
    """Find the accounts that a number is bound to."""
    return _accounts(db, "number = ? AND detached_by IS NULL", (number,))


def detached_by(db: sqlite3.Connection, by: str, number: str) -> list[Account]:
    """Find the accounts that an order or a clearance took a number off."""
    return _accounts(db, "number = ? AND detached_by = ?", (number, by))


def _accounts(
    db: sqlite3.Connection, which: str, given: tuple[str, ...]
) -> list[Account]:
    select = "SELECT id, bound_at, stays_for, asks FROM accounts WHERE"
    return [
        Account(number, bound_at and instant(bound_at), stays_for, bool(asks))
        for number, bound_at, stays_for, asks in db.execute(f"{select} {which}", given)
    ]


def seed(db: sqlite3.Connection, numbers: Json) -> None:
    """Make the test accounts, unless there are accounts."""
    if db.execute("SELECT 1 FROM accounts").fetchone():
        return
    for block in numbers["blocks"]:
        bindings = block["bindings"] if block["for_platforms"] else []
        goes = len(bindings) - block["kept"] if block["kept"] else 0
        for number in range(int(block["first"]), int(block["last"]) + 1):
            for place, bound_at in enumerate(bindings):
                reason = block["reason"] if place >= goes else None
                asks = block["behaviour"] == "asking"
                db.execute(
                    "INSERT INTO accounts (number, bound_at, stays_for, asks) "
                    "VALUES (?, ?, ?, ?)",
                    (f"+{number}", bound_at, reason, asks),
                )


def begin() -> Flask:
    """Open the store and begin to work: one process does so, with as many threads."""
    with closing(sqlite3.connect(STORE)) as db:
        db.executescript(SCHEMA)
    if "UNBIND_NUMBERS" in os.environ:
        numbers = Path(os.environ["UNBIND_NUMBERS"]).read_text(encoding="utf-8")
        with store() as db:
            seed(db, json.loads(numbers))
    key = {"authorization": f"Bearer {os.environ['UNBIND_KEY']}"}
    broker = httpx.Client(base_url=os.environ["UNBIND_URL"], headers=key)
    work_is_there.set()
    threading.Thread(target=work, args=(broker,), daemon=True).start()
    return app


if __name__ == "__main__":
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8080")
    begin().run(host=host, port=int(port), threaded=True)
