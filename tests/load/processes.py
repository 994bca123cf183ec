"""What a process and all its children use, from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Tree", "Usage", "cpu_s", "waited_s"]

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


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used so far, all its threads together."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_s() -> float:
    """Seconds for which our main thread could have run, and had no core."""
    return int((PROC / "self" / "schedstat").read_text().split()[1]) / 1e9
