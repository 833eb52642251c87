"""What the demonstration shows: progress while it runs, a table of outcomes."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from unbind_broker.client import Item, Order
from unbind_broker.demo.carrier import Standing

COLOURS = {
    "queued": "dim",
    "acknowledged": "blue",
    "in_progress": "cyan",
    "action_required": "magenta",
    "bound": "yellow",
    "not_bound": "green",
    "unbound": "bold green",
    "partly_unbound": "yellow",
    "closed": "bold green",
    "restored": "green",
    "refused": "red",
    "expired": "bold red",
    "undeliverable": "bold red",
    "cancelled": "dim",
}
PLAIN_WIDTH = 140
"""Columns, where the output is no terminal."""


class Screen:
    """Show progress as bars in a terminal, as lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _console()
        self._progress: Progress | None = None
        self._told: dict[str, str] = {}

    def say(self, text: str = "") -> None:
        """Print a line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def head(self, text: str) -> None:
        """Print a heading."""
        self._console.print(f"\n{text}", style="bold", markup=False, soft_wrap=True)

    @contextmanager
    def following(self) -> Iterator[None]:
        """Keep bars on the screen that ``show`` moves."""
        if not self._console.is_terminal:
            yield
            return
        self._progress = Progress(
            TextColumn("{task.description:12}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            console=self._console,
        )
        with self._progress:
            yield
        self._progress = None

    def show(self, name: str, standing: Standing) -> None:
        """Show how a query or an order stands."""
        if self._progress is None:
            self._tell(name, standing)
            return
        tasks = {task.description: task.id for task in self._progress.tasks}
        if name not in tasks:
            tasks[name] = self._progress.add_task(name, counts="")
        self._progress.update(
            tasks[name],
            total=standing.total,
            completed=standing.final,
            counts=_coloured(standing),
        )

    def table(self, query: Standing, order: Standing) -> None:
        """Print what each platform answered, sensitive ones folded into one line."""
        found = {item.platform: item for item in query.order.items}
        table = Table("Platform", "平台", "Query", "Order", "Reason", row_styles=[""])
        table.add_column("Attempts", justify="right")
        table.add_column("Seconds", justify="right")
        for item in order.order.items:
            asked = found.get(item.platform)
            table.add_row(
                item.platform,
                item.platform_name,
                _status(asked),
                _status(item),
                item.reason or "",
                f"{asked.attempts if asked else 0} + {item.attempts}",
                _seconds(order.order, item),
            )
        asked_of, ordered = query.order.sensitive, order.order.sensitive
        table.add_row(
            f"{ordered.total} sensitive ones",
            "敏感平台",
            f"{asked_of.finished} of {asked_of.total} finished",
            f"{ordered.finished} of {ordered.total} finished",
            "never named",
            style="dim",
        )
        self._console.print(table)

    def outcome(self, name: str, standing: Standing) -> None:
        """Print one line that sums up."""
        verdict = (
            "every item is final" if standing.is_done else "NOT every item is final"
        )
        self.say(
            f"{name} {standing.order.id}: {standing.order.status}, {standing.final} of "
            f"{standing.total} final, {_plain(standing)}: {verdict}"
        )

    def _tell(self, name: str, standing: Standing) -> None:
        line = f"{name}: {standing.final}/{standing.total} final, {_plain(standing)}"
        if self._told.get(name) != line:
            self._told[name] = line
            self.say(line)


def _console() -> Console:
    console = Console(highlight=False)
    if console.is_terminal:
        return console
    return Console(highlight=False, width=PLAIN_WIDTH)


def _plain(standing: Standing) -> str:
    done, total = standing.order.sensitive.finished, standing.order.sensitive.total
    told = [f"{status} {count}" for status, count in standing.counts.items() if count]
    return ", ".join([*told, f"sensitive {done}/{total}"])


def _coloured(standing: Standing) -> str:
    return "  ".join(
        f"[{COLOURS.get(status, 'dim')}]{status} {count}[/]"
        for status, count in standing.counts.items()
        if count
    )


def _status(item: Item | None) -> Text:
    status = item.status if item else "–"
    return Text(status, style=COLOURS.get(status, ""))


def _seconds(order: Order, item: Item) -> str:
    if item.finished_at is None:
        return "–"
    span = item.finished_at - order.created_at
    return f"{max(0.0, span.total_seconds()):.0f}"
