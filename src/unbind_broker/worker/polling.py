"""How long to wait before looking again."""


class Polling:
    """Look often while there is something, seldom while there is nothing."""

    def __init__(self, shortest: float, longest: float) -> None:
        self._shortest = shortest
        self._longest = longest
        self._pause = shortest

    def after(self, *, found: bool) -> float:
        """Return the pause in seconds after a look."""
        grown = min(self._pause * 2, self._longest)
        self._pause = self._shortest if found else grown
        return self._pause
