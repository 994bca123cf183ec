"""How loud something is."""

import numpy as np
import pytest

from transcriber.audio.block import Samples
from transcriber.audio.level import FLOOR, level


@pytest.mark.parametrize(
    ("samples", "decibels"),
    [
        (np.ones(100), 0.0),
        (np.full(100, 0.1), -20.0),
        (np.sin(np.linspace(0, 200 * np.pi, 48000)), -3.01),
        (np.zeros(100), FLOOR),
        (np.zeros(0), FLOOR),
        (np.full(100, np.nan), FLOOR),
        (np.full(100, np.inf), FLOOR),
        (np.full(100, 1e-9), FLOOR),
        (np.full(100, 5.0), 0.0),
    ],
)
def test_levels_are_decibels_of_full_scale(samples: Samples, decibels: float) -> None:
    assert level(samples.astype(np.float32)) == pytest.approx(decibels, abs=0.01)
