"""Ask the official Standard Webhooks libraries what they make of messages."""

import json
import subprocess
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

ACCEPTED = "accepted"
_SCRIPT = Path(__file__).with_name("verify.mjs")
_PATIENCE = 60.0


@dataclass(frozen=True)
class Message:
    """What a receiver has: ``headers`` in small letters, and ``whsec_…``."""

    headers: Mapping[str, str]
    body: bytes
    secret: str

    def having(self, name: str, value: str) -> "Message":
        return replace(self, headers={**self.headers, name: value})


def python_says(messages: Sequence[Message]) -> list[str]:
    """Give for each message ``accepted``, or why not."""
    return [_verify(one) for one in messages]


def javascript_says(folder: Path, messages: Sequence[Message]) -> list[str]:
    """Do the same in one process; ``folder`` holds the library."""
    written = [
        {
            "secret": one.secret,
            "headers": one.headers,
            "body": b64encode(one.body).decode(),
        }
        for one in messages
    ]
    done = subprocess.run(
        ("node", str(_SCRIPT)),
        cwd=folder,
        input=json.dumps(written),
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: Any = json.loads(done.stdout)
    return [str(one) for one in said]


def _verify(message: Message) -> str:
    try:
        Webhook(message.secret).verify(
            message.body, dict(message.headers), json_parse=False
        )
    except WebhookVerificationError as error:
        return str(error)
    except ValueError as error:  # what is malformed it does not refuse by name
        return f"malformed: {error}"
    return ACCEPTED
