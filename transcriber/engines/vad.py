"""
Who is speaking: the probability of a voice in 32 ms of audio, by Silero's model.

One model serves everybody; what differs by speaker is a small memory. The model file is the
content of the `silero-vad` wheel, which is never imported (it asks for torch): of its forms that
which takes several windows at once, because a third of the time goes into asking.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from transcriber.audio.block import Samples
from transcriber.engines.segments import WINDOW
from transcriber.errors import EngineError

__all__ = ["Silero", "Voice", "installed", "session"]

CONTEXT = 64
"""Samples of the window before that the model sees again."""


def installed(package: str) -> Path | None:
    """The folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def session(model: Path) -> Any:
    """Load a model; each of its calls keeps the thread busy that calls it, and no other."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Silero:
    """The model; `voice()` makes the memory of one speaker."""

    def __init__(self) -> None:
        folder = installed("silero_vad")
        if folder is None or not installed("onnxruntime"):
            raise EngineError(
                "unusable",
                "the voice detector is not installed",
                remedy="install onnxruntime and silero-vad==6.2.3, as requirements.lock names them",
            )
        self._session = session(folder / "data" / "silero_vad_16k_sequence.onnx")

    def voice(self) -> Voice:
        """Make the memory of one speaker."""
        return Voice(self._session)


class Voice:
    """Judges the windows of one speaker, in their order."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._hidden = self._cell = np.zeros((1, 1, 128), np.float32)
        self._before = np.zeros(CONTEXT, np.float32)

    def probabilities(self, windows: Samples) -> list[float]:
        """Return how likely it is that somebody speaks in each row of `WINDOW` samples."""
        if not len(windows):
            return []
        heard = np.empty((len(windows), CONTEXT + WINDOW), np.float32)
        heard[0, :CONTEXT], heard[1:, :CONTEXT] = self._before, windows[:-1, -CONTEXT:]
        heard[:, CONTEXT:] = windows
        self._before = heard[-1, -CONTEXT:]
        feed = {"input": heard, "h": self._hidden, "c": self._cell}
        found, self._hidden, self._cell = self._session.run(None, feed)
        chances: list[float] = found.tolist()
        return chances
