"""
Who is speaking: the probability of a voice in 32 ms of audio, by Silero's model.

One model serves everybody; what differs by speaker is a small memory. The model file is the
content of the `silero-vad` wheel, which is never imported (it asks for torch).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from transcriber.audio.block import Samples
from transcriber.engines.segments import RATE, WINDOW
from transcriber.errors import EngineError

__all__ = ["Silero", "Voice", "installed"]

CONTEXT = 64
"""Samples of the window before that the model sees again."""


def installed(package: str) -> Path | None:
    """The folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


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
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = folder / "data" / "silero_vad.onnx"
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def voice(self) -> Voice:
        """Make the memory of one speaker."""
        return Voice(self._session)


class Voice:
    """Judges the windows of one speaker, in their order."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, CONTEXT + WINDOW), np.float32)
        self._rate = np.array(RATE)

    def probability(self, window: Samples) -> float:
        """Return how likely it is that somebody speaks in these `WINDOW` samples."""
        self._input[0, :CONTEXT] = self._input[0, -CONTEXT:]
        self._input[0, CONTEXT:] = window
        feed = {"input": self._input, "state": self._state, "sr": self._rate}
        output, self._state = self._session.run(None, feed)
        return float(output[0, 0])
