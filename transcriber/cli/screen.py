"""What people and scripts get to see: tables, and one JSON object a line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Progress", "progress_bar", "show_json", "show_table"]

Progress = Callable[[str, float, float | None], None]
"""Told what is worked on, how much of it is done, and how much there is if that is known."""


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
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
        rows: dict[str, tuple[TaskID, float]] = {}

        def progress(what: str, done: float, total: float | None) -> None:
            if what not in rows:
                rows[what] = bar.add_task(what[-40:], total=total, speed=""), time.monotonic()
            row, began = rows[what]
            speed = done / max(0.1, time.monotonic() - began)
            bar.update(row, completed=done, total=total, speed=f"{speed:.0f}x real time")

        yield progress
