"""What stays behind in this process of something that is done many times."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import numpy as np

from tests.load.media_receiver import resident, threads
from tests.load.report import Bar

__all__ = ["Remains"]

WARM = 0.25
"""Share of the rounds after which memory must not grow."""
LEFT = ("descriptors_left", "tasks_left", "threads_left")


class Remains:
    """Made after the first round; looks after every further one, once the collector was there."""

    def __init__(self) -> None:
        self._before = _counts()
        self._memory: list[float] = []

    def look(self) -> None:
        """A round is over."""
        gc.collect()
        self._memory.append(resident() * 1e6)

    def figures(self, each: str, size: int) -> dict[str, float]:
        """Say what stays of each of the `size` in a round, by a line through what was seen."""
        first = int(len(self._memory) * WARM)
        places = np.arange(first, len(self._memory)) * size
        slope = float(np.polyfit(places, self._memory[first:], 1)[0])
        left = [after - before for after, before in zip(_counts(), self._before, strict=True)]
        return {
            f"rss_bytes_per_{each}": slope,
            "rss_mb_end": self._memory[-1] / 1e6,
            **dict(zip(LEFT, left, strict=True)),
        }

    @staticmethod
    def bars(figures: dict[str, float], each: str, most: float) -> list[Bar]:
        """Memory may grow so many bytes for each; nothing else may."""
        name = f"rss_bytes_per_{each}"
        return [Bar(name, figures[name], "<=", most)] + [
            Bar(name, figures[name], "<=", 0) for name in LEFT
        ]


def _counts() -> tuple[int, int, int]:
    gc.collect()
    files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return files, len(asyncio.all_tasks()), threads()
