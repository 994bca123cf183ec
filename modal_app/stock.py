"""
The same step through moshi's own `LMGen`, as Kyutai's batched server takes it.

For comparison only: the bench runs it beside ours, and a test holds both to the same tokens.
"""

from __future__ import annotations

import numpy as np
import torch
from moshi.models import LMGen
from moshi.utils.compile import no_compile

from modal_app.protocol import FRAME, Samples
from modal_app.weights import Loaded

__all__ = ["Stock"]


class Stock:
    """moshi's public streaming interface behind the face of `batcher.Engine`."""

    mode = "stock"

    def __init__(self, loaded: Loaded, slots: int) -> None:
        self.slots = slots
        self.heads = loaded.arch.heads
        self._mimi, self._device = loaded.mimi, loaded.device
        self._gen = LMGen(
            loaded.lm, use_sampling=False, temp=0.0, temp_text=0.0, support_out_of_sync=True
        )
        with torch.no_grad():
            self._gen.streaming_forever(slots)
            self._mimi.streaming_forever(slots)
        self.pcm = np.zeros((slots, FRAME), np.float32)
        self.active = np.zeros(slots, bool)
        self.reset = np.ones(slots, bool)
        self.step()
        self.reset[:] = False

    def step(self) -> Samples:
        """Advance the active rows by one frame."""
        with torch.no_grad(), no_compile():
            if self.reset.any():
                reset = torch.from_numpy(self.reset.copy())
                self._gen.reset_streaming(reset)
                self._mimi.reset_streaming(reset)
            active = torch.from_numpy(self.active.copy())
            self._gen.set_exec_mask(active)
            self._mimi.set_exec_mask(active)
            pcm = torch.from_numpy(self.pcm).to(self._device)[:, None]
            tokens, heads = self._gen.step_with_extra_heads(self._mimi.encode(pcm))
        rows = np.zeros((self.slots, 1 + self.heads), np.float32)
        rows[:, 0] = tokens[:, 0, 0].cpu().numpy()
        for number, head in enumerate(heads, 1):
            rows[:, number] = head[:, 0, 0].float().cpu().numpy()
        return rows

    def state_bytes(self) -> int:
        """Not counted here."""
        return 0
