"""
SQL lives in SQL files; Python names a statement and never builds one.

In a file of queries, a line `-- name: what it does` begins each statement. Migrations are numbered
files, applied in order, each once.
"""

from __future__ import annotations

import re
from importlib.resources import files

from transcriber.store import StoreFailed

__all__ = ["migrations", "queries"]

HEADING = re.compile(r"^-- (\w+): .*$", re.MULTILINE)


def queries(dialect: str) -> dict[str, str]:
    """Return the statements for a database by name."""
    text = (files(__package__) / "sql" / f"{dialect}.sql").read_text()
    _, *parts = HEADING.split(text)
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def migrations(dialect: str, done: int) -> list[tuple[int, str]]:
    """Return the numbered scripts that are still to be run, in order."""
    folder = files(__package__) / "migrations" / dialect
    scripts = sorted((file.name, file.read_text()) for file in folder.iterdir())
    numbered = [(int(name.partition("_")[0]), script) for name, script in scripts]
    if done > (newest := numbered[-1][0]):
        raise StoreFailed(
            f"it was written by a newer version of this software: its tables are of version {done},"
            f" and {newest} is the newest known here",
            remedy="run that version, or restore the backup that was made before the upgrade",
        )
    return numbered[done:]
