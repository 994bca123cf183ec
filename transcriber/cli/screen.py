"""What people and scripts get to see: tables, and one JSON object a line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

__all__ = ["Progress", "progress_bar", "show_json", "show_table"]


class Progress(Protocol):
    """Shows what is worked on, how much of it is done, and how much there is if that is known."""

    def __call__(self, what: str, done: float, total: float | None, *, audio: bool = True) -> None:
        """`audio` says that the numbers are seconds of it."""


def show_json(value: Any) -> None:
    """Print one object on one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that fits the screen."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show progress on standard error, with the real-time factor; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda what, done, total, audio=True: None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[speed]}"),
        rich.TimeRemainingColumn(),
    )
    console = Console(stderr=True, soft_wrap=True)
    with rich.Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
        rows: dict[str, tuple[rich.TaskID, float]] = {}

        def progress(what: str, done: float, total: float | None, *, audio: bool = True) -> None:
            if what not in rows:
                rows[what] = bar.add_task(what[-40:], total=total, speed=""), time.monotonic()
            row, began = rows[what]
            factor = done / max(0.1, time.monotonic() - began)
            speed = f"{factor:.0f}x real time" if audio else ""
            bar.update(row, completed=done, total=total, speed=speed)

        yield progress
