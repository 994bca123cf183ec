"""Paths as people write them: `~` is somebody's home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

__all__ = ["GivenPath"]


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"nobody here has the home {path.parts[0]}") from None


GivenPath = Annotated[Path, AfterValidator(_at_home)]
"""A path in which `~` has been replaced; the type of a setting."""
