"""Samples cut into blocks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transcriber.audio.block import SAMPLES, Blocks, silence


@given(st.lists(st.integers(0, 3 * SAMPLES), max_size=12))
def test_blocks_hold_every_sample_in_its_order(portions: list[int]) -> None:
    everything = np.arange(sum(portions), dtype=np.float32)
    blocks = Blocks()
    found = []
    at = 0
    for size in portions:
        found += list(blocks.push(everything[at : at + size]))
        at += size
    found += list(blocks.flush())
    assert all(block.shape == (SAMPLES,) for block in found)
    joined = np.concatenate([np.zeros(0, np.float32), *found])
    assert np.array_equal(joined[: len(everything)], everything)
    assert not joined[len(everything) :].any()
    assert len(joined) - len(everything) < SAMPLES


def test_nothing_is_left_after_a_flush() -> None:
    blocks = Blocks()
    assert list(blocks.push(np.ones(5, np.float32))) == []
    assert len(list(blocks.flush())) == 1
    assert list(blocks.flush()) == []


def test_silence_is_a_block() -> None:
    assert silence().shape == (SAMPLES,)
    assert not silence().any()
