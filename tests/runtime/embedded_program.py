"""Open an embedded database in a process of its own, to be killed or joined.

Run as: embedded_program.py DATA_DIR [--as UID:GID] [--throw-away]
Prints one JSON line, then leaves the database when stdin ends.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from unbind_broker.runtime.embedded import EmbeddedPostgresError, open_embedded


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--as", dest="account")
    parser.add_argument("--throw-away", action="store_true")
    options = parser.parse_args()
    if options.account:
        become(*map(int, options.account.split(":")))
    try:
        with open_embedded(options.data_dir, durable=not options.throw_away) as opened:
            tell(url=opened.url, started_here=opened.started_here)
            sys.stdin.read()
    except EmbeddedPostgresError as error:
        tell(error=str(error))
        return 3
    return 0


def become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def tell(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
