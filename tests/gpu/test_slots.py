"""Slots are kept apart, bit by bit: on the CPU, with the tiny architecture and random weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from modal_app.arch import ARCHS
from modal_app.engine import Slots
from modal_app.protocol import FRAME, Samples
from modal_app.stock import Stock
from modal_app.weights import choose, randomised

SLOTS = 4
FRAMES = 40
"""Well past both attention windows of the tiny model: 10 frames and 6."""
CPU = choose("cpu")

Engine = Slots | Stock
Disturb = Callable[[Engine, int], None]


def speech(seed: int, frames: int = FRAMES) -> Samples:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((frames, FRAME)).astype(np.float32) * np.float32(0.3)


def make(kind: type[Engine] = Slots, slots: int = SLOTS) -> Engine:
    return kind(randomised(ARCHS["tiny"], CPU), slots)


def nobody(engine: Engine, step: int) -> None:
    """No neighbours."""


def play(engine: Engine, slot: int, audio: Samples, disturb: Disturb = nobody) -> Samples:
    """Stream audio through one slot while the others do as they like."""
    rows = []
    for step, frame in enumerate(audio):
        engine.active[:] = False
        engine.reset[:] = False
        disturb(engine, step)
        engine.active[slot], engine.reset[slot] = True, step == 0
        engine.pcm[slot] = frame
        rows.append(engine.step()[slot].copy())
    return np.array(rows)


def crowd(engine: Engine, step: int, *, rng: np.random.Generator) -> None:
    """Neighbours that join, leave and begin anew at random, and shout."""
    engine.pcm[:] = rng.standard_normal(engine.pcm.shape)
    engine.active[:] = rng.random(SLOTS) < 0.6
    engine.reset[:] = rng.random(SLOTS) < 0.2


@pytest.fixture(params=[Slots, Stock])
def kind(request: pytest.FixtureRequest) -> type[Engine]:
    chosen: type[Engine] = request.param
    return chosen


def test_a_slot_does_not_depend_on_its_neighbours(kind: type[Engine]) -> None:
    alone = play(make(kind), 2, speech(1))
    beside = play(make(kind), 2, speech(1), partial(crowd, rng=np.random.default_rng(9)))

    assert np.array_equal(alone, beside)


def test_the_model_of_these_tests_is_not_constant() -> None:
    rows = play(make(), 2, speech(1))

    assert len(set(rows[:, 0])) > 5
    assert rows[:, 1:].std(axis=0).min() > 1e-3


def test_a_slot_does_not_depend_on_how_many_there_are(kind: type[Engine]) -> None:
    wide, narrow = play(make(kind), 2, speech(1)), play(make(kind, 1), 0, speech(1))

    assert np.array_equal(wide[:, 0], narrow[:, 0])
    np.testing.assert_allclose(wide[:, 1:], narrow[:, 1:], atol=1e-5)


def test_gaps_in_the_audio_leave_no_trace(kind: type[Engine]) -> None:
    expected = play(make(kind), 1, speech(1))
    engine, rng, rows = make(kind), np.random.default_rng(3), []
    for step, frame in enumerate(np.repeat(speech(1), 3, axis=0)):
        crowd(engine, step, rng=rng)
        live = step % 3 == 2
        engine.active[1], engine.reset[1] = live, step == 2
        if live:
            engine.pcm[1] = frame
        row = engine.step()[1].copy()
        if live:
            rows.append(row)

    assert np.array_equal(expected, np.array(rows))


def test_a_reset_begins_one_slot_anew_and_no_other(kind: type[Engine]) -> None:
    fresh = play(make(kind), 0, speech(1))
    steady = play(make(kind), 3, speech(2, 2 * FRAMES))
    engine, first, last = make(kind), [], []
    for step, frame in enumerate(speech(2, 2 * FRAMES)):
        engine.active[:] = [True, False, False, True]
        engine.reset[:] = [step % FRAMES == 0, False, False, step == 0]
        engine.pcm[0], engine.pcm[3] = speech(1)[step % FRAMES], frame
        rows = engine.step()
        first.append(rows[0].copy())
        last.append(rows[3].copy())

    assert np.array_equal(np.array(first), np.concatenate([fresh, fresh]))
    assert np.array_equal(np.array(last), steady)


def test_our_step_says_what_moshis_own_says() -> None:
    ours, stock = play(make(), 1, speech(1)), play(make(Stock), 1, speech(1))

    assert np.array_equal(ours[:, 0], stock[:, 0])
    np.testing.assert_allclose(ours[:, 1:], stock[:, 1:], atol=1e-5)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, 3e38])
def test_poison_in_a_slot_is_gone_with_its_client(poison: float) -> None:
    expected, engine = play(make(), 1, speech(1)), make()
    play(engine, 1, np.full((15, FRAME), poison, np.float32))

    assert np.array_equal(expected, play(engine, 1, speech(1)))


def test_poison_in_a_slot_never_reaches_a_neighbour() -> None:
    def poison(engine: Engine, step: int) -> None:
        engine.active[:] = True
        engine.pcm[:] = np.frombuffer(np.random.default_rng(step).bytes(4 * FRAME), np.float32)

    expected = play(make(), 1, speech(1))

    assert np.array_equal(expected, play(make(), 1, speech(1), poison))


def test_moshis_own_reset_hands_poison_on_which_is_why_ours_zeroes_the_caches() -> None:
    expected, engine = play(make(Stock), 1, speech(1)), make(Stock)
    play(engine, 1, np.full((15, FRAME), np.nan, np.float32))

    assert not np.array_equal(expected, play(engine, 1, speech(1)))


def test_a_mask_that_is_ignored_would_be_noticed() -> None:
    """The tests above bite: with every slot always active, neighbours and gaps leave traces."""
    expected = play(make(), 1, speech(1))
    engine = make()
    assert isinstance(engine, Slots)
    for state in engine._states:
        state.exec_mask = torch.ones(SLOTS, dtype=torch.bool)
    rows = []
    for step, frame in enumerate(np.repeat(speech(1), 2, axis=0)):
        live = step % 2 == 1
        engine.active[:] = False
        engine.active[1], engine.reset[1] = live, step == 1
        engine.pcm[1] = frame if live else 0.5
        row = engine.step()[1].copy()
        if live:
            rows.append(row)

    assert not np.array_equal(expected, np.array(rows))


def test_a_cache_that_is_not_zeroed_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, engine = play(make(), 1, speech(1)), make()
    monkeypatch.setattr(engine, "_scrub", lambda: None)
    play(engine, 1, np.full((15, FRAME), np.nan, np.float32))

    assert not np.array_equal(expected, play(engine, 1, speech(1)))


def test_the_first_frame_of_a_stream_is_the_models_start_and_not_heard() -> None:
    lead, rest = speech(7, 1), speech(1)
    quiet = play(make(), 0, np.concatenate([np.zeros_like(lead), rest]))
    loud = play(make(), 0, np.concatenate([lead, rest]))

    # Only the codes of the first frame are dropped; the encoder itself has heard it.
    assert np.array_equal(quiet[0], loud[0])


def test_the_engine_says_how_it_runs_and_what_its_state_takes() -> None:
    engine = make()

    assert engine.mode == ("graph" if torch.cuda.is_available() and CPU.type == "cuda" else "eager")
    assert engine.state_bytes() > 4 * 10 * 64 * SLOTS


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_graph_says_what_the_launches_say() -> None:
    cuda: Any = torch.device("cuda")
    graph, eager = (
        Slots(randomised(ARCHS["tiny"], cuda), SLOTS, cuda_graph=wanted) for wanted in (True, False)
    )
    crowded = partial(crowd, rng=np.random.default_rng(9))

    assert (graph.mode, eager.mode) == ("graph", "eager")
    np.testing.assert_allclose(
        play(graph, 2, speech(1), crowded), play(eager, 2, speech(1)), atol=1e-4
    )
