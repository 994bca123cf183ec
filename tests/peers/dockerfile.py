"""What the Dockerfile says, so that its steps can be done without Docker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Step", "of", "started", "steps"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction, and the stage that it belongs to."""

    stage: str
    kind: str
    words: str


def steps() -> Iterator[Step]:
    """Every instruction, in order."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line[:1] != "#"]
    stage = ""
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        kind, _, words = line.partition(" ")
        if kind == "FROM":
            stage = words.partition(" AS ")[2] or "image"
        if kind:
            yield Step(stage, kind, words.strip())


def of(stage: str, kind: str) -> list[str]:
    """The instructions of a kind in a stage."""
    return [step.words for step in steps() if (step.stage, step.kind) == (stage, kind)]


def started() -> Sequence[str]:
    """The command that the image starts."""
    words: list[str] = []
    for kind in ("ENTRYPOINT", "CMD"):
        (line,) = of("image", kind)
        words += json.loads(line)
    return words
