"""What the server said since we began to listen."""

import os
import re

from unbind_broker.runtime.embedded.folder import DataFolder

_ENOUGH = 64 * 1024
_COMPLAINT = re.compile(r"(?:FATAL|PANIC|ERROR|error):\s*(.+)")
_NOT_YET = "the database system is"


class LogReader:
    """Hand out the log to write to, and read what was written since."""

    def __init__(self, folder: DataFolder) -> None:
        self.descriptor = folder.open_file(folder.log, os.O_APPEND)
        self._begin = os.fstat(self.descriptor).st_size

    def complaint(self) -> str:
        """Give the first error, of which later ones follow, or else the last line.

        That a server is still starting is an answer to us, not an error.
        """
        text = os.pread(self.descriptor, _ENOUGH, self._begin).decode(errors="replace")
        for complaint in _COMPLAINT.findall(text):
            if _NOT_YET not in complaint:
                return str(complaint).strip()
        lines = text.strip().splitlines()
        return lines[-1].strip() if lines else "it said nothing"

    def close(self) -> None:
        """Stop listening."""
        os.close(self.descriptor)
