"""What a process and all its children use, from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Tree", "Usage"]

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """What is in use, added up over all processes."""

    memory_mb: float
    descriptors: int
    threads: int


class Tree:
    """A process and its children."""

    def __init__(self, root: int) -> None:
        self.root = root

    def children(self) -> list[int]:
        """The direct children."""
        try:
            found = (PROC / str(self.root) / "task" / str(self.root) / "children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in found.split()]

    def usage(self) -> Usage:
        """What is used now; a process that ends meanwhile uses nothing."""
        parts = list(self._parts())
        return Usage(
            sum(memory for memory, _, _ in parts),
            sum(descriptors for _, descriptors, _ in parts),
            sum(threads for _, _, threads in parts),
        )

    def _parts(self) -> Iterator[tuple[float, int, int]]:
        for pid in (self.root, *self.children()):
            place = PROC / str(pid)
            try:
                pages = int((place / "statm").read_text().split()[1])
                descriptors = sum(1 for _ in (place / "fd").iterdir())
                threads = sum(1 for _ in (place / "task").iterdir())
            except OSError:
                continue
            yield pages * os.sysconf("SC_PAGESIZE") / 1e6, descriptors, threads
